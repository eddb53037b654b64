#include "cpu/decode_kernels.h"

namespace precis::engine::cpu {

const DecodeKernels& GetDecodeKernels(IsaLevel level) {
  switch (level) {
    case IsaLevel::kScalar:
      return ScalarDecodeKernels();
    case IsaLevel::kAvx2:
      return Avx2DecodeKernels();
    // The file as a whole is compiled for VNNI, so without it none of its kernels may run.
    case IsaLevel::kAvx512:
      return HostFeatures().avx512_vnni ? Avx512DecodeKernels() : Avx2DecodeKernels();
  }
  return ScalarDecodeKernels();
}

}  // namespace precis::engine::cpu
