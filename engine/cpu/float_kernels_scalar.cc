#include "cpu/float_kernels-inl.h"
#include "cpu/vec16_scalar.h"

namespace precis::engine::cpu {

constexpr FloatKernels kScalarTable = Kernels<Vec16Scalar, 4, 1>::Table();
const FloatKernels kFloatKernelsScalar = kScalarTable;

}  // namespace precis::engine::cpu
