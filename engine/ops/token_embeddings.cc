#include "ops/token_embeddings.h"

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::Status TokenEmbeddings(const OpContext& context, const TensorView& words, MatrixView positions,
                             std::span<const int32_t> ids, RaggedStarts starts, MutableMatrix y) {
  const int64_t tokens = static_cast<int64_t>(ids.size());
  if (words.columns() != y.columns || positions.columns != y.columns || y.rows != tokens) {
    return absl::InvalidArgumentError(absl::StrCat("embeddings of ", tokens, " tokens, words with ", words.columns(),
                                                   " columns and positions with ", positions.columns, " got y [",
                                                   y.rows, ", ", y.columns, "]"));
  }
  if (!CanDequantize(words.type)) {
    return absl::UnimplementedError(absl::StrCat("word embeddings have the type ", TypeName(words.type)));
  }
  PRECIS_RETURN_IF_ERROR(CheckRagged(starts, tokens));
  for (int64_t s = 0; s < SequenceCount(starts); ++s) {
    if (starts[s + 1] - starts[s] > positions.rows) {
      return absl::InvalidArgumentError(absl::StrCat("sequence ", s, " has ", starts[s + 1] - starts[s],
                                                     " tokens, the model has ", positions.rows, " positions"));
    }
  }
  for (const int32_t id : ids) {
    if (id < 0 || id >= words.rows()) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", id, " is outside the model's vocabulary of ", words.rows(), " tokens"));
    }
  }
  TokenEmbeddingsCpu(context, words, positions, ids, starts, y);
  return absl::OkStatus();
}

absl::Status AddToSecondTexts(const OpContext& context, std::span<const float> type, RaggedStarts starts,
                              std::span<const int64_t> second, MutableMatrix y) {
  PRECIS_RETURN_IF_ERROR(CheckRagged(starts, y.rows));
  if (static_cast<int64_t>(type.size()) != y.columns || static_cast<int64_t>(second.size()) != SequenceCount(starts)) {
    return absl::InvalidArgumentError(absl::StrCat("a token type of ", type.size(), " values and ", second.size(),
                                                   " second texts do not fit ", SequenceCount(starts), " sequences of ",
                                                   y.columns, " columns"));
  }
  for (size_t s = 0; s < second.size(); ++s) {
    if (second[s] < starts[s] || second[s] > starts[s + 1]) {
      return absl::InvalidArgumentError(absl::StrCat("the second text of sequence ", s, " begins at row ", second[s],
                                                     ", the sequence is rows ", starts[s], " to ", starts[s + 1]));
    }
  }
  AddToSecondTextsCpu(context, type, starts, second, y);
  return absl::OkStatus();
}

}  // namespace precis::engine
