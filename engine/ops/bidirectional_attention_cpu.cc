#include <algorithm>
#include <limits>

#include "cpu/float_kernels.h"
#include "cpu/vec16.h"
#include "ops/bidirectional_attention.h"
#include "tensor/aligned_buffer.h"

namespace precis::engine {
namespace {

// A thread's own memory for one head: repacked keys and values, and a block of scores.
struct HeadScratch {
  AlignedBuffer<float> keys, values, scores;
};

// Grows to the longest sequence and stays: windows are bounded by the model.
HeadScratch& ScratchFor(int64_t length, int64_t head_dim) {
  thread_local HeadScratch scratch;
  scratch.keys.Grow(cpu::PadToLanes(length) * head_dim);
  scratch.values.Grow(length * cpu::PadToLanes(head_dim));
  scratch.scores.Grow(cpu::AttentionHeadScratch(length));
  return scratch;
}

// 0 for distances up to `reach`, minus infinity beyond, as far as a block of rows looks; `center` is distance 0.
struct WindowMask {
  AlignedBuffer<float> values;
  const float* center = nullptr;

  explicit WindowMask(int64_t reach) {
    const int64_t margin = cpu::kAttentionRows + 2 * cpu::kLanes;
    const int64_t size = 2 * (reach + margin) + 1;
    values.Grow(size);
    for (int64_t i = 0; i < size; ++i) {
      const bool seen = i >= margin && i < size - margin;
      values[i] = seen ? 0.0f : -std::numeric_limits<float>::infinity();
    }
    center = values.data() + reach + margin;
  }
};

}  // namespace

void BidirectionalAttentionCpu(const OpContext& context, MatrixView qkv, RaggedStarts starts, int64_t heads,
                               float scale, MutableMatrix out, const AttentionDistance& distance) {
  const cpu::FloatKernels& kernels = cpu::FloatKernelsFor(context.isa);
  const int64_t width = out.columns, head_dim = width / heads;

  const int64_t reach = std::min(distance.reach, qkv.rows);
  const WindowMask mask(reach);

  // A unit is one head of one sequence: it repacks its keys and values and uses them while they are hot.
  context.pool->ParallelFor(SequenceCount(starts) * heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t s = unit / heads, column = unit % heads * head_dim;
      const int64_t length = starts[s + 1] - starts[s];
      const float* q = qkv.row(starts[s]) + column;
      HeadScratch& scratch = ScratchFor(length, head_dim);
      kernels.pack_keys(q + width, qkv.stride, length, head_dim, scratch.keys.data());
      kernels.pack_values(q + 2 * width, qkv.stride, length, head_dim, scratch.values.data());
      cpu::AttentionHeadArgs args{.q = q,
                                  .ldq = qkv.stride,
                                  .keys = scratch.keys.data(),
                                  .values = scratch.values.data(),
                                  .length = length,
                                  .value_rows = length,
                                  .head_dim = head_dim,
                                  .scale = scale,
                                  .out = out.row(starts[s]) + column,
                                  .ldo = out.stride};
      if (distance.bias.data != nullptr) {
        args.bias = distance.bias.row(unit % heads) + (distance.bias.columns - 17) / 2;
      }
      for (int64_t row = 0; row < length; row += cpu::kAttentionRows) {
        const int64_t end = std::min(length, row + cpu::kAttentionRows);
        if (reach > 0) {
          // Only the panels that some row of the block reaches. A key keeps its lane, so the sums do not change.
          const int64_t first = std::max<int64_t>(0, row - reach) / cpu::kLanes * cpu::kLanes;
          args.keys = scratch.keys.data() + first * head_dim;
          args.values = scratch.values.data() + first * cpu::kLanes;
          args.length = std::min(length, end + reach) - first;
          args.bias = mask.center + first;
        }
        kernels.attention(args, row, end, scratch.scores.data());
      }
    }
  });
}

}  // namespace precis::engine
