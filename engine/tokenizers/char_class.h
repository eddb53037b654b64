// What the reference tokenizers take a code point for. The tables are asked of the reference itself
// (tests/engine/tokenizers/golden/make_char_classes.py), because it mixes Unicode versions and two ICUs would give two
// tokenizations of one text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "precis/base/utf8.h"

namespace precis::engine {

enum CharClass : uint16_t {
  kLetter = 1 << 0,             // \p{L}
  kNumber = 1 << 1,             // \p{N}
  kSpace = 1 << 2,              // \s, which is also White_Space
  kWordChar = 1 << 3,           // \w
  kNumeric = 1 << 4,            // what the Digits pre-tokenizer splits off
  kBertRemoved = 1 << 5,        // control characters that BERT's cleaning drops
  kBertPunct = 1 << 6,          // a word of its own for BERT
  kBertMark = 1 << 7,           // an accent for BERT: dropped after decomposition
  kMark = 1 << 8,               // an accent for StripAccents
  kDecomposes = 1 << 9,         // NFD changes it
  kDecomposesCompat = 1 << 10,  // NFKD changes it
  kNotAscii = 1 << 15,          // of bytes only: more of them make the character
};

namespace internal {
struct CharTables {
  CharTables();
  std::vector<uint16_t> flags;  // one for each code point
  uint16_t bytes[256];          // of ASCII characters; kNotAscii alone for the other bytes
  std::vector<char32_t> lower;  // as far as any code point has a lower-case form
};
const CharTables& GetCharTables();
}  // namespace internal

// Looks classes up; cheap to make, holds no state of its own.
class CharClasses {
 public:
  CharClasses() : tables_(&internal::GetCharTables()) {}

  // Requires a code point <= U+10FFFF.
  uint16_t operator[](char32_t c) const { return tables_->flags[c]; }
  // One code point to one; U+0130, which has two, is left to the caller.
  char32_t Lower(char32_t c) const { return c < tables_->lower.size() ? tables_->lower[c] : c; }

  // The class of the character at `offset` < text.size() and its length in bytes. An invalid byte has no class, as
  // U+FFFD has none.
  struct Char {
    uint16_t flags;
    int length;
  };
  Char At(std::string_view text, size_t offset) const {
    const auto byte = static_cast<uint8_t>(text[offset]);
    if (byte < 0x80) return {tables_->flags[byte], 1};
    const DecodedChar c = DecodeUtf8(text, offset);
    return {c.valid ? tables_->flags[c.code_point] : uint16_t{0}, c.length};
  }

  // Past the characters from `at` on that have one of `flags`.
  size_t SkipAny(std::string_view text, size_t at, uint16_t flags) const {
    while (true) {
      while (at < text.size() && (tables_->bytes[static_cast<uint8_t>(text[at])] & flags)) ++at;
      if (at == text.size() || static_cast<uint8_t>(text[at]) < 0x80) return at;
      const Char c = At(text, at);
      if (!(c.flags & flags)) return at;
      at += static_cast<size_t>(c.length);
    }
  }
  // Past the characters from `at` on that have none of `flags`.
  size_t SkipNone(std::string_view text, size_t at, uint16_t flags) const {
    const uint16_t stop = flags | kNotAscii;
    while (true) {
      while (at < text.size() && !(tables_->bytes[static_cast<uint8_t>(text[at])] & stop)) ++at;
      if (at == text.size() || static_cast<uint8_t>(text[at]) < 0x80) return at;
      const Char c = At(text, at);
      if (c.flags & flags) return at;
      at += static_cast<size_t>(c.length);
    }
  }

 private:
  const internal::CharTables* tables_;
};

// Past the ASCII characters from `at` on.
size_t SkipAscii(std::string_view text, size_t at);

// The blocks that BERT takes for Chinese characters, each a word of its own.
bool IsBertCjk(char32_t c);

}  // namespace precis::engine
