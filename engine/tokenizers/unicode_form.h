// Canonical and compatibility decomposition and composition (Unicode Annex 15) that stay linear on hostile texts.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace precis::engine {

// A code point and the bytes of the text that it came from.
struct PlacedChar {
  char32_t code_point;
  uint32_t begin, end;
};

// Appends the decomposition of the whole text in canonical order. An invalid byte becomes kInvalidByte, which composes
// and reorders with nothing; its value is read from the text.
inline constexpr char32_t kInvalidByte = 0x110000;
void Decompose(std::string_view text, bool compatibility, std::vector<PlacedChar>* chars);

// Composes in place. Requires canonical order.
void Compose(std::vector<PlacedChar>* chars);

}  // namespace precis::engine
