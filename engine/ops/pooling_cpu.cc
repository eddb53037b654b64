#include <algorithm>
#include <cmath>

#include "cpu/float_kernels.h"
#include "ops/pooling.h"

namespace precis::engine {

void PoolCpu(const OpContext& context, MatrixView x, RaggedStarts starts, PoolingKind kind, MutableMatrix y) {
  const cpu::FloatKernels& kernels = cpu::FloatKernelsFor(context.isa);
  const int64_t n = x.columns;
  context.pool->ParallelFor(y.rows, 4, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const float* first = x.row(starts[s]);
      const int64_t length = starts[s + 1] - starts[s];
      float* out = y.row(s);
      std::copy_n(first, n, out);
      if (kind == PoolingKind::kMean) {
        kernels.add_rows(first + x.stride, x.stride, length - 1, n, out);
        kernels.scale(out, n, 1.0f / static_cast<float>(length));
      } else if (kind == PoolingKind::kMax) {
        kernels.max_rows(first + x.stride, x.stride, length - 1, n, out);
      }
    }
  });
}

void NormalizeRows(const OpContext& context, MutableMatrix x) {
  const cpu::FloatKernels& kernels = cpu::FloatKernelsFor(context.isa);
  for (int64_t row = 0; row < x.rows; ++row) {
    const float norm = std::sqrt(kernels.dot(x.row(row), x.row(row), x.columns));
    kernels.scale(x.row(row), x.columns, 1.0f / (norm > 1e-12f ? norm : 1e-12f));
  }
}

void AddScaled(const OpContext& context, const float* x, float scale, std::span<float> sum) {
  cpu::FloatKernelsFor(context.isa).add_scaled(x, scale, static_cast<int64_t>(sum.size()), sum.data());
}

}  // namespace precis::engine
