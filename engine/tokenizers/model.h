// The last step of encoding: one word of the normalised text to tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "precis/base/hash.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// A token and the bytes [begin, end) of the text that holds the word.
struct Piece {
  TokenId id;
  uint32_t begin;
  uint32_t end;
};

// Immutable, thread-safe.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the pieces of `word`, whose first byte lies at `offset` of its text.
  virtual void Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const = 0;
  // Adds all that changes the ids.
  virtual void Fingerprint(Hasher* hasher) const = 0;
};

}  // namespace precis::engine
