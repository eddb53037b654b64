// Log-probabilities of a given text under a causal language model.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

struct TokenScore {
  Token token;    // ranges are in `text`
  float logprob;  // natural log of P(token | context and the tokens before it), <= 0
};

// Thread-safe.
class TokenScorer {
 public:
  virtual ~TokenScorer() = default;

  // Scores every token of `text` given `context`. With an empty context the first token is scored after the model's
  // <bos>, or, where it has none, gets logprob 0. Context and text are tokenised apart, so that token borders fall
  // where the text begins. Errors: FailedPrecondition (longer than the window, with both numbers), Cancelled,
  // DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<std::vector<TokenScore>> ScoreTokens(std::string_view context,
                                                                            std::string_view text,
                                                                            const CallContext& call) = 0;
};

}  // namespace precis::engine
