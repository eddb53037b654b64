#include "cpu/float_kernels-inl.h"
#include "cpu/vec16_avx2.h"

namespace precis::engine::cpu {

constexpr FloatKernels kAvx2Table = Kernels<Vec16Avx2, 6, 1>::Table();
const FloatKernels kFloatKernelsAvx2 = kAvx2Table;

}  // namespace precis::engine::cpu
