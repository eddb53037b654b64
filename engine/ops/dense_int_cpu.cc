#include <algorithm>

#include "ops/dense.h"
#include "ops/dense_int.h"
#include "ops/pointwise_kind.h"

namespace precis::engine {
namespace {

// As for floats (dense_cpu.cc): rows enough to pay for fetching a panel, columns enough for two threads.
constexpr int64_t kRowsPerBlock = 96;
constexpr int64_t kPanelsPerGroup = 4;
constexpr int64_t kRowsPerQuantization = 16;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The calling thread's integers; grows to its largest batch and stays.
struct InputScratch {
  AlignedBuffer<uint32_t> units;
  AlignedBuffer<float> scale, center;
};

}  // namespace

void DenseIntCpu(const OpContext& context, MatrixView x, const DenseWeights& weights, PointwiseFn activation,
                 MatrixView residual, MutableMatrix y) {
  const IntPanels& integers = weights.integers();
  const cpu::IntKernels& kernels = cpu::IntKernelsFor(context.isa);
  const int64_t units = cpu::UnitsFor(integers.width, weights.inputs());
  thread_local InputScratch scratch;
  scratch.units.Grow(x.rows * units);
  scratch.scale.Grow(x.rows);
  scratch.center.Grow(x.rows);
  // Other threads have a scratch of their own under that name: these are the caller's.
  const cpu::QuantizedInputs inputs{scratch.units.data(), scratch.scale.data(), scratch.center.data()};
  context.pool->ParallelFor(x.rows, kRowsPerQuantization, [&](int64_t begin, int64_t end) {
    kernels.quantize(integers.width, integers.input_limit, x.row(begin), x.stride, end - begin, weights.inputs(),
                     {inputs.units + begin * units, inputs.scale + begin, inputs.center + begin});
  });

  cpu::IntGemmArgs args;
  args.a = inputs.units;
  args.a_scale = inputs.scale;
  args.a_center = inputs.center;
  args.units = units;
  args.b = integers.panels.data();
  args.sums = integers.sums.data();
  args.negatives = integers.negatives.data();
  args.weight_scale = integers.scale.data();
  args.weight_sum = integers.sum.data();
  args.bias = weights.bias();
  args.n = weights.outputs();
  args.activation = ToKernelKind(activation);
  args.residual = residual.data;
  args.ldr = residual.stride;
  args.c = y.data;
  args.ldc = y.stride;
  const int64_t panels = CeilDiv(args.n, 16), groups = CeilDiv(panels, kPanelsPerGroup);
  const int64_t blocks = CeilDiv(x.rows, kRowsPerBlock);
  context.pool->ParallelFor(blocks * groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t block = unit / groups, group = unit % groups;
      kernels.gemm(integers.width, args, x.rows * block / blocks, x.rows * (block + 1) / blocks,
                   group * kPanelsPerGroup, std::min(panels, (group + 1) * kPanelsPerGroup));
    }
  });
}

}  // namespace precis::engine
