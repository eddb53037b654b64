#include <algorithm>

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

}  // namespace

void BidirectionalAttentionCpu(const OpContext& context, MatrixView qkv, RaggedStarts starts, int64_t heads,
                               float scale, MutableMatrix out) {
  const cpu::FloatKernels& kernels = cpu::FloatKernelsFor(context.isa);
  const int64_t width = out.columns, head_dim = width / heads;

  // A unit is one head of one sequence: it repacks its keys and values and uses them while they are hot.
  context.pool->ParallelFor(SequenceCount(starts) * heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t s = unit / heads, column = unit % heads * head_dim;
      const int64_t length = starts[s + 1] - starts[s];
      const float* q = qkv.row(starts[s]) + column;
      HeadScratch& scratch = ScratchFor(length, head_dim);
      kernels.pack_keys(q + width, qkv.stride, length, head_dim, scratch.keys.data());
      kernels.pack_values(q + 2 * width, qkv.stride, length, head_dim, scratch.values.data());
      const cpu::AttentionHeadArgs args{.q = q,
                                        .ldq = qkv.stride,
                                        .keys = scratch.keys.data(),
                                        .values = scratch.values.data(),
                                        .length = length,
                                        .head_dim = head_dim,
                                        .scale = scale,
                                        .out = out.row(starts[s]) + column,
                                        .ldo = out.stride};
      for (int64_t row = 0; row < length; row += cpu::kAttentionRows) {
        kernels.attention(args, row, std::min(length, row + cpu::kAttentionRows), scratch.scores.data());
      }
    }
  });
}

}  // namespace precis::engine
