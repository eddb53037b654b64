#include "cpu/float_kernels.h"
#include "ops/layer_norm.h"

namespace precis::engine {

void LayerNormCpu(const OpContext& context, MatrixView x, const LayerNormWeights& weights, MutableMatrix y) {
  constexpr int64_t kGrain = 16;  // rows worth a thread
  const auto layer_norm = cpu::FloatKernelsFor(context.isa).layer_norm;
  context.pool->ParallelFor(x.rows, kGrain, [&](int64_t begin, int64_t end) {
    layer_norm(x.row(begin), x.stride, end - begin, x.columns, weights.gamma.data(), weights.beta.data(), weights.eps,
               y.row(begin), y.stride);
  });
}

}  // namespace precis::engine
