#include "cpu/float_kernels.h"
#include "ops/gated_activation.h"
#include "ops/pointwise_kind.h"

namespace precis::engine {

void GatedActivationCpu(const OpContext& context, MatrixView x, PointwiseFn fn, MutableMatrix y) {
  constexpr int64_t kGrain = 4;  // rows worth a thread
  const auto activate = cpu::FloatKernelsFor(context.isa).activate;
  context.pool->ParallelFor(x.rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* up = x.row(row) + y.columns;
      float* out = y.row(row);
      activate(ToKernelKind(fn), x.row(row), y.columns, out);
      // One product: every compiler and instruction set rounds it alike.
      for (int64_t i = 0; i < y.columns; ++i) out[i] *= up[i];
    }
  });
}

}  // namespace precis::engine
