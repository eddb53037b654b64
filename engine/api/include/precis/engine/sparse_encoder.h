// Texts to sparse vectors over the vocabulary (SPLADE, arXiv 2109.10086): which words a text is about, also words that
// it does not contain, and how much.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/engine/embedder.h"
#include "precis/engine/model_info.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

struct SparseEntry {
  TokenId token;
  float weight;  // > 0
};

struct SparseVector {
  std::vector<SparseEntry> entries;  // by increasing token
  int64_t tokens_total = 0, tokens_used = 0;
  bool truncated = false;
};

// Thread-safe. The vector of a text does not depend on the other texts of the call, bit by bit.
class SparseEncoder {
 public:
  virtual ~SparseEncoder() = default;

  virtual const ModelInfo& info() const = 0;  // dimensions: the vocabulary
  virtual const Tokenizer& tokenizer() const = 0;

  // One vector for each text, in order: for each word of the vocabulary log(1 + max(0, logit)), the greatest over all
  // tokens (special ones included, as in the reference). kSplitAndPool: the greatest over all windows. Errors:
  // InvalidArgument (too long under kError, with its index), Cancelled, DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<std::vector<SparseVector>> Encode(std::span<const std::string_view> texts,
                                                                         LongInput long_input,
                                                                         const CallContext& call) = 0;
};

// Sum of the products of common entries.
inline float SparseDot(const SparseVector& a, const SparseVector& b) {
  float sum = 0;
  for (size_t i = 0, j = 0; i < a.entries.size() && j < b.entries.size();) {
    if (a.entries[i].token == b.entries[j].token)
      sum += a.entries[i++].weight * b.entries[j++].weight;
    else if (a.entries[i].token < b.entries[j].token)
      ++i;
    else
      ++j;
  }
  return sum;
}

}  // namespace precis::engine
