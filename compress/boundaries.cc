#include "boundaries.h"

#include <algorithm>

#include "precis/base/utf8.h"

namespace precis::compress {
namespace {

constexpr int64_t kLongWordBytes = 64;

// Scripts that are written without spaces, and their punctuation: any place between two characters is a word's end.
bool IsUnspaced(char32_t c) {
  return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF) ||
         (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFFEF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

// Belongs to the character before it: combining marks, joiners, variation selectors.
bool IsCombining(char32_t c) {
  return (c >= 0x0300 && c <= 0x036F) || c == 0x200C || c == 0x200D || (c >= 0x20D0 && c <= 0x20FF) ||
         (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x1F3FB && c <= 0x1F3FF) || (c >= 0x3099 && c <= 0x309A) ||
         (c >= 0x0E31 && c <= 0x0E3A && c != 0x0E32) || (c >= 0x0E47 && c <= 0x0E4E);
}

char32_t CharBefore(std::string_view text, int64_t offset) {
  return DecodeUtf8(text, FloorToCharBoundary(text, static_cast<size_t>(offset - 1))).code_point;
}

bool IsWordEnd(std::string_view text, int64_t offset) {
  const char32_t before = CharBefore(text, offset);
  if (IsSpace(before)) return false;
  if (offset == static_cast<int64_t>(text.size())) return true;
  const char32_t after = DecodeUtf8(text, static_cast<size_t>(offset)).code_point;
  if (IsCombining(after) || before == 0x200D) return false;
  return IsSpace(after) || IsUnspaced(after) || IsUnspaced(before);
}

bool IsClauseEnd(std::string_view text, int64_t offset) {
  const char32_t before = CharBefore(text, offset);
  switch (before) {
    case 0x3001:
    case 0x3002:
    case 0xFF0C:
    case 0xFF1B:
    case 0xFF1A:
    case 0x060C:
    case 0x061B:
      return true;
    case ',':
    case ';':
    case ':':
    case ')':
    case ']':
    case 0x2013:
    case 0x2014:
      break;
    default:
      return false;
  }
  return offset == static_cast<int64_t>(text.size()) ||
         IsSpace(DecodeUtf8(text, static_cast<size_t>(offset)).code_point);
}

}  // namespace

bool IsSpace(char32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF || c == 0x200B;
}

bool IsBlank(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (!IsSpace(c.code_point)) return false;
    i += static_cast<size_t>(c.length);
  }
  return true;
}

std::string CollapseSpace(std::string_view text) {
  std::string collapsed;
  collapsed.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (!IsSpace(c.code_point)) {
      collapsed.append(text.substr(i, static_cast<size_t>(c.length)));
    } else if (!collapsed.empty() && collapsed.back() != ' ') {
      collapsed.push_back(' ');
    }
    i += static_cast<size_t>(c.length);
  }
  if (!collapsed.empty() && collapsed.back() == ' ') collapsed.pop_back();
  return collapsed;
}

int64_t WordEndAfter(std::string_view text, int64_t begin) {
  auto end = static_cast<size_t>(begin);
  char32_t before = 0;
  while (end < text.size()) {
    const DecodedChar c = DecodeUtf8(text, end);
    const bool joined = IsCombining(c.code_point) || before == 0x200D;
    if (before != 0 && !joined) {
      if (IsSpace(c.code_point) || IsUnspaced(c.code_point) || IsUnspaced(before)) break;
      if (static_cast<int64_t>(end) - begin + c.length > kLongWordBytes) break;
    }
    before = c.code_point;
    end += static_cast<size_t>(c.length);
  }
  return static_cast<int64_t>(end);
}

int64_t FloorToWordEnd(std::string_view text, int64_t low, int64_t high) {
  int64_t offset = static_cast<int64_t>(FloorToCharBoundary(text, static_cast<size_t>(high)));
  const int64_t first = offset;
  int64_t inside_word = -1;  // the largest place between two characters of a word
  while (offset > low) {
    if (IsWordEnd(text, offset)) return offset;
    if (inside_word < 0 && !IsSpace(CharBefore(text, offset)) &&
        !(offset < static_cast<int64_t>(text.size()) &&
          IsCombining(DecodeUtf8(text, static_cast<size_t>(offset)).code_point))) {
      inside_word = offset;
    }
    // Trailing spaces do not count as part of a long word, else a run of spaces would cut the word after it.
    if (inside_word >= 0 && std::min(first, inside_word) - offset >= kLongWordBytes) return inside_word;
    offset = static_cast<int64_t>(FloorToCharBoundary(text, static_cast<size_t>(offset - 1)));
  }
  return low;
}

int64_t FloorToClauseEnd(std::string_view text, int64_t low, int64_t high) {
  int64_t offset = static_cast<int64_t>(FloorToCharBoundary(text, static_cast<size_t>(high)));
  for (; offset > low; offset = static_cast<int64_t>(FloorToCharBoundary(text, static_cast<size_t>(offset - 1)))) {
    if (IsClauseEnd(text, offset)) return offset;
  }
  return low;
}

}  // namespace precis::compress
