#include <algorithm>

#include "cpu/float_kernels.h"
#include "ops/dense.h"
#include "ops/pointwise_kind.h"

namespace precis::engine {
namespace {

// A unit of work is a block of rows by a group of columns. 96 rows read a panel of weights often enough to pay for
// fetching it from the outer caches; 64 columns give two threads work even for one short text.
constexpr int64_t kRowsPerBlock = 96;
constexpr int64_t kPanelsPerGroup = 4;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

void DenseCpu(const OpContext& context, MatrixView x, const DenseWeights& weights, PointwiseFn activation,
              MatrixView residual, MutableMatrix y) {
  cpu::GemmArgs args;
  args.a = x.data;
  args.lda = x.stride;
  args.b = weights.panels();
  args.panel_stride = weights.inputs() * 16;
  args.k = weights.inputs();
  args.n = weights.outputs();
  args.bias = weights.bias();
  args.residual = residual.data;
  args.ldr = residual.stride;
  args.c = y.data;
  args.ldc = y.stride;
  args.activation = ToKernelKind(activation);

  const auto gemm = cpu::FloatKernelsFor(context.isa).gemm;
  const int64_t panels = CeilDiv(args.n, 16), groups = CeilDiv(panels, kPanelsPerGroup);
  const int64_t blocks = CeilDiv(x.rows, kRowsPerBlock);
  context.pool->ParallelFor(blocks * groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t block = unit / groups, group = unit % groups;
      gemm(args, x.rows * block / blocks, x.rows * (block + 1) / blocks, group * kPanelsPerGroup,
           std::min(panels, (group + 1) * kPanelsPerGroup));
    }
  });
}

}  // namespace precis::engine
