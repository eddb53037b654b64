// The input of an encoder: one row for each token, word vector plus position vector. Positions restart at 0 in every
// sequence of the batch.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "formats/tensor_types.h"
#include "ops/context.h"
#include "ops/ragged.h"
#include "tensor/matrix.h"

namespace precis::engine {

// words: [vocabulary, n] in the model file, of a type that DequantizeRow reads   positions: [at least the longest
// sequence, n], its stride 0 where all have one row   y: [ids.size(), n]
// InvalidArgument for an id outside the vocabulary, a sequence longer than `positions`, or shapes that do not fit
// together.
[[nodiscard]] absl::Status TokenEmbeddings(const OpContext& context, const TensorView& words, MatrixView positions,
                                           std::span<const int32_t> ids, RaggedStarts starts, MutableMatrix y);

// y[row] += type for the rows of each sequence s from second[s] on, which lies in it or at its end. type: [n].
// InvalidArgument when that does not fit together.
[[nodiscard]] absl::Status AddToSecondTexts(const OpContext& context, std::span<const float> type, RaggedStarts starts,
                                            std::span<const int64_t> second, MutableMatrix y);

void TokenEmbeddingsCpu(const OpContext& context, const TensorView& words, MatrixView positions,
                        std::span<const int32_t> ids, RaggedStarts starts, MutableMatrix y);
void AddToSecondTextsCpu(const OpContext& context, std::span<const float> type, RaggedStarts starts,
                         std::span<const int64_t> second, MutableMatrix y);

}  // namespace precis::engine
