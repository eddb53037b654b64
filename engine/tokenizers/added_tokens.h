// Tokens that are found in the text as they are written, before the model sees it: [CLS], <|im_end|>, runs of newlines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "precis/base/hash.h"
#include "precis/engine/tokenizer.h"
#include "tokenizers/aligned_text.h"
#include "tokenizers/byte_trie.h"

namespace precis::engine {

struct AddedToken {
  TokenId id = -1;
  std::string text;
  bool special = false;      // found only with parse_special
  bool normalized = false;   // looked for in the normalised text, not in the source
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
};

inline constexpr size_t kMaxAddedTokens = 100000;
inline constexpr size_t kMaxAddedTokenBytes = 1024;

// Immutable, thread-safe.
class AddedTokens {
 public:
  AddedTokens() = default;
  // `patterns[i]` is what `tokens[i]` looks like in the text that is searched (normalised for those that want it).
  AddedTokens(const std::vector<AddedToken>& tokens, const std::vector<std::string>& patterns);

  bool empty() const { return trie_all_.empty(); }

  struct Match {
    TextRange range;
    TokenId id;
  };
  // The tokens in `text`, longest first at each place, left to right, without overlap.
  std::vector<Match> Find(std::string_view text, bool parse_special) const;

 private:
  std::vector<AddedToken> tokens_;
  ByteTrie trie_all_, trie_plain_;  // with and without special tokens; values index tokens_
};

// Errors: InvalidArgument for an empty or overlong text, or too many tokens.
absl::Status CheckAddedTokens(const std::vector<AddedToken>& tokens);

void FingerprintAddedTokens(const std::vector<AddedToken>& tokens, Hasher* hasher);

}  // namespace precis::engine
