// Where text may be cut.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "precis/base/byte_range.h"

namespace precis::compress {

bool IsSpace(char32_t c);
bool IsBlank(std::string_view text);

// The text with every run of white space as one space and none around: equal for what differs in layout alone.
std::string CollapseSpace(std::string_view text);

// The end of the word that begins at `begin`, where a character that is no space stands: the next space or the end of
// the text; in scripts without spaces the next character; at most 64 bytes on. Combining marks stay with their
// character.
int64_t WordEndAfter(std::string_view text, int64_t begin);

// The largest offset in [low, high] where a word ends: a character that is no space stands before it, and a space, the
// end of the text, or (in scripts without spaces) any character after it. Where a word is longer than 64 bytes, the
// largest offset between characters. `low` when there is none above it. Linear in 64 bytes, not in the text.
int64_t FloorToWordEnd(std::string_view text, int64_t low, int64_t high);

// The largest offset in [low, high] behind a clause: after a comma, semicolon, colon, closing bracket or dash that a
// space follows, or the like in CJK. `low` when there is none above it.
int64_t FloorToClauseEnd(std::string_view text, int64_t low, int64_t high);

}  // namespace precis::compress
