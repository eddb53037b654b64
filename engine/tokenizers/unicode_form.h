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

// What an invalid byte stands for: it composes and reorders with nothing, and its value is read from the text.
inline constexpr char32_t kInvalidByte = 0x110000;

// Appends the characters of text[begin, end), which borders on no half character.
void AppendChars(std::string_view text, uint32_t begin, uint32_t end, std::vector<PlacedChar>* chars);

// The canonical or compatibility decomposition, in canonical order. `spare` is memory to be used.
void Decompose(bool compatibility, std::vector<PlacedChar>* chars, std::vector<PlacedChar>* spare);

// Composes in place. Requires canonical order.
void Compose(std::vector<PlacedChar>* chars);

}  // namespace precis::engine
