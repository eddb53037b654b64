// Character classes that sentences, lines and terms agree on.
#pragma once

#include <cstdint>
#include <string_view>

namespace precis::text {

inline bool IsAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
inline bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsAsciiLower(char c) { return c >= 'a' && c <= 'z'; }
inline bool IsAsciiUpper(char c) { return c >= 'A' && c <= 'Z'; }
inline bool IsAsciiLetter(char c) { return IsAsciiLower(c) || IsAsciiUpper(c); }
inline bool IsAsciiAlnum(char c) { return IsAsciiLetter(c) || IsAsciiDigit(c); }
inline char AsciiLower(char c) { return IsAsciiUpper(c) ? static_cast<char>(c + ('a' - 'A')) : c; }

// Unicode's White_Space.
bool IsSpace(char32_t c);

// Han, Hiragana, Katakana, Hangul syllables: written without spaces, or searched better by characters.
bool IsCjk(char32_t c);

// Bytes of white space at `offset`; 0 where there is none. Requires offset < text.size().
int64_t SpaceLength(std::string_view text, int64_t offset);

// The first offset >= `offset` that is no white space.
int64_t SkipSpace(std::string_view text, int64_t offset);

// The smallest end >= `begin` such that [end, text end) up to `end_limit` is white space only.
int64_t TrimEnd(std::string_view text, int64_t begin, int64_t end_limit);

}  // namespace precis::text
