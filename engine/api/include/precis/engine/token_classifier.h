// A decision on every token of a text: keep or drop (LLMLingua-2, arXiv 2403.12968), named entities.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/engine/model_info.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

struct ClassifiedText {
  std::vector<Token> tokens;         // without special tokens
  std::vector<float> probabilities;  // [tokens, labels], each row sums to 1
  int windows = 0;                   // how many pieces were read by themselves; 1 where the text fits the window
};

// Thread-safe. The result for a text does not depend on the other texts of the call, bit by bit.
class TokenClassifier {
 public:
  virtual ~TokenClassifier() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual const std::vector<std::string>& labels() const = 0;  // LLMLingua-2 calls them LABEL_0 (drop), LABEL_1 (keep)

  // One result for each text, in order. A text longer than the window is cut into as few windows as possible, equal in
  // size up to one token, without overlap; who wants other borders (sentences) cuts the text. Errors: Cancelled,
  // DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<std::vector<ClassifiedText>> Classify(std::span<const std::string_view> texts,
                                                                             const CallContext& call) = 0;
};

}  // namespace precis::engine
