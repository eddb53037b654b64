// Drafts from the text itself: answers quote their context, so what followed the last tokens where they stood before
// probably follows them again (prompt lookup decoding, Saxena 2023; LLMA, Yang et al., arXiv 2304.04487).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "precis/engine/tokenizer.h"

namespace precis::engine {

// All tokens of one sequence, indexed by pairs. Adding and finding take bounded time and allocate nothing. Not
// thread-safe.
class PromptLookup {
 public:
  // Memory for `capacity` tokens is taken here; no more than that may be added.
  explicit PromptLookup(int64_t capacity);

  void Add(TokenId token);
  std::span<const TokenId> tokens() const { return tokens_; }

  // An earlier place whose last `length` tokens are the last `length` of the text.
  struct Match {
    int64_t length = 0;  // 0: none; else 2 to kLongest
    int64_t next = 0;    // index of the token after it
  };
  static constexpr int64_t kLongest = 16;
  // The longest match, of equally long ones the latest.
  Match Find() const;

  // The token that the match foretells `index` places on. A match that runs into the end of the text repeats: what came
  // after it once comes again.
  TokenId Foretold(const Match& match, int64_t index) const {
    const int64_t period = static_cast<int64_t>(tokens_.size()) - match.next;
    return tokens_[static_cast<size_t>(match.next + index % period)];
  }

 private:
  size_t Slot(TokenId a, TokenId b) const {
    const uint64_t pair = static_cast<uint64_t>(static_cast<uint32_t>(a)) << 32 | static_cast<uint32_t>(b);
    return static_cast<size_t>((pair * 0x9e3779b97f4a7c15u) >> shift_);
  }

  std::vector<TokenId> tokens_;
  std::vector<int32_t> newest_;   // by slot: where a pair of that slot ends
  std::vector<int32_t> earlier_;  // by position: the place before it in the same slot
  int shift_ = 0;
};

}  // namespace precis::engine
