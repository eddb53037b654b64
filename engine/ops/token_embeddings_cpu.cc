#include "cpu/float_kernels.h"
#include "formats/dequantize.h"
#include "ops/token_embeddings.h"

namespace precis::engine {

void TokenEmbeddingsCpu(const OpContext& context, const TensorView& words, MatrixView positions,
                        std::span<const int32_t> ids, RaggedStarts starts, MutableMatrix y) {
  const auto add = cpu::FloatKernelsFor(context.isa).add;
  const size_t n = static_cast<size_t>(y.columns);
  context.pool->ParallelFor(SequenceCount(starts), 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      for (int64_t t = starts[s]; t < starts[s + 1]; ++t) {
        float* out = y.row(t);
        // Type and size were checked: it cannot fail.
        (void)DequantizeRow(words.type, words.row(ids[t]), {out, n});
        add(out, positions.row(t - starts[s]), y.columns, out);
      }
    }
  });
}

void AddToSecondTextsCpu(const OpContext& context, std::span<const float> type, RaggedStarts starts,
                         std::span<const int64_t> second, MutableMatrix y) {
  const auto add = cpu::FloatKernelsFor(context.isa).add;
  for (size_t s = 0; s < second.size(); ++s) {
    for (int64_t row = second[s]; row < starts[s + 1]; ++row) add(y.row(row), type.data(), y.columns, y.row(row));
  }
}

}  // namespace precis::engine
