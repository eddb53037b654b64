// How well passages answer a query, by a model that reads both at once (rerankers).
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

struct PairScore {
  float score = 0;           // the model's logit: any number, higher means more relevant
  int64_t tokens_total = 0;  // of the pair with special tokens
  int64_t tokens_used = 0;   // less than tokens_total only when truncated
  bool truncated = false;    // the passage's end was not read
};

// Thread-safe. The score of a pair does not depend on the other passages of the call, bit by bit.
class CrossEncoder {
 public:
  virtual ~CrossEncoder() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;

  // One score for each passage, in order; any number of passages. A pair longer than the window: kError is
  // InvalidArgument with both numbers and the passage's index, kTruncate leaves out the passage's end, kSplitAndPool
  // scores its windows and takes the best. Errors: InvalidArgument (also: the query alone takes more than half of the
  // window, with both numbers), Cancelled, DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<std::vector<PairScore>> Score(std::string_view query,
                                                                     std::span<const std::string_view> passages,
                                                                     LongInput long_input, const CallContext& call) = 0;
};

}  // namespace precis::engine
