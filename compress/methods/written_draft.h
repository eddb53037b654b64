// The draft of a method that writes: blocks of written sentences, and after them the pieces of the old draft, for what
// is protected in these or stands in where nothing was written.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "methods/method.h"
#include "methods/summary_support.h"

namespace precis::compress {

struct WrittenBlock {
  std::vector<SummarySentence> sentences;
  std::vector<int> blocks;  // of the old draft, whose pieces follow
  int passage = -1;         // whose block it is; -1: made from several
};

// Holds all that a MethodInput over the new draft refers to. Not thread-safe.
class WrittenDraft {
 public:
  // `input` outlives it. Errors: FailedPrecondition (the protected spans do not fit when they stand so; the message
  // says how many tokens they need).
  static absl::StatusOr<std::unique_ptr<WrittenDraft>> Make(const MethodInput& input,
                                                            const std::vector<WrittenBlock>& blocks);

  // Over the new draft, with its protected spans.
  const MethodInput& input() const { return input_; }
  // The sentences of each block, in order.
  const std::vector<std::vector<Unit>>& sentences() const { return sentences_; }

  // How many of the first units fit together, by the estimates: FillBudget's `sure`.
  size_t SureCount(const std::vector<Unit>& order) const;
  // Fills the budget in this order. Errors: FailedPrecondition (not even a word fits), as Fitter.
  absl::StatusOr<Draft> Fill(const std::vector<Unit>& order);

 private:
  WrittenDraft(const MethodInput& old, Draft draft, TokenMap tokens, std::vector<Unit> required);

  const Draft draft_;
  const PieceTable table_;
  const TokenMap tokens_;
  const std::vector<Unit> required_;
  Fitter fitter_;
  const MethodInput input_;
  std::vector<std::vector<Unit>> sentences_;
};

// The blocks of the old draft that hold something protected, increasing.
std::vector<int> ProtectedBlocks(const MethodInput& input);

}  // namespace precis::compress
