#include "cpu/float_kernels.h"

namespace precis::engine::cpu {

const FloatKernels& FloatKernelsFor(IsaLevel level) {
  switch (level) {
    case IsaLevel::kAvx512:
      return kFloatKernelsAvx512;
    case IsaLevel::kAvx2:
      return kFloatKernelsAvx2;
    case IsaLevel::kScalar:
      break;
  }
  return kFloatKernelsScalar;
}

}  // namespace precis::engine::cpu
