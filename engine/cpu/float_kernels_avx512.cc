#include "cpu/float_kernels-inl.h"
#include "cpu/vec16_avx512.h"

namespace precis::engine::cpu {

constexpr FloatKernels kAvx512Table = Kernels<Vec16Avx512, 12, 2>::Table();
const FloatKernels kFloatKernelsAvx512 = kAvx512Table;

}  // namespace precis::engine::cpu
