// A text's tokens cut into what the model can take at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/engine/embedder.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// What surrounds the tokens of every window.
struct WindowFrame {
  int64_t max_tokens = 0;  // of a window, all included
  TokenId cls = -1, sep = -1;
  std::vector<TokenId> prefix;  // of the role; begins every window of a split text
};

// One or more windows over one text.
struct TextWindows {
  std::vector<std::vector<TokenId>> windows;  // cls, tokens, sep
  std::vector<int64_t> weights;               // how many of the text's tokens each window holds, for pooling
  int64_t tokens_total = 0, tokens_used = 0;  // as in Embedding
  bool truncated = false;
};

// `tokens`: of prefix + text, without special tokens. kError: InvalidArgument when they do not fit, naming both numbers
// and the text's `index`. kTruncate: the first that fit. kSplitAndPool: as few windows as possible, their sizes equal
// up to one token, in order, no overlap; every window after the first begins with the prefix again.
absl::StatusOr<TextWindows> MakeWindows(std::span<const TokenId> tokens, const WindowFrame& frame, LongInput policy,
                                        int64_t index);

}  // namespace precis::engine
