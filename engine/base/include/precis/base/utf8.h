// UTF-8 as the Unicode standard defines it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace precis {

// A decoded code point and how many bytes it took. An invalid byte gives {0xFFFD, 1, false}.
struct DecodedChar {
  char32_t code_point;
  int length;
  bool valid;
};

// Decodes the code point at `offset`. Requires offset < text.size().
DecodedChar DecodeUtf8(std::string_view text, size_t offset);

void AppendUtf8(char32_t code_point, std::string* out);

bool IsValidUtf8(std::string_view text);

// The text with every invalid byte replaced by U+FFFD. `replaced`, if not null, receives how many bytes were.
std::string ReplaceInvalidUtf8(std::string_view text, int64_t* replaced = nullptr);

// Length of the longest prefix of `text` that does not end inside a code point that more bytes could complete: what a
// stream may send now.
size_t CompleteUtf8Prefix(std::string_view text);

// The largest offset <= `offset` that is not inside a code point.
size_t FloorToCharBoundary(std::string_view text, size_t offset);

}  // namespace precis
