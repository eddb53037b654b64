#include "cpu/int8_kernels.h"

namespace precis::engine::cpu {

const IntKernels& IntKernelsFor(IsaLevel level) {
  switch (level) {
    case IsaLevel::kAvx512:
      return HostFeatures().avx512_vnni ? kIntKernelsAvx512 : kIntKernelsAvx2;
    case IsaLevel::kAvx2:
      return kIntKernelsAvx2;
    case IsaLevel::kScalar:
      break;
  }
  return kIntKernelsScalar;
}

}  // namespace precis::engine::cpu
