#include "src/chars.h"

#include "precis/base/utf8.h"

namespace precis::text {

bool IsSpace(char32_t c) {
  if (c < 0x80) return IsAsciiSpace(static_cast<char>(c));
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsCjk(char32_t c) {
  if (c < 0x3005) return false;
  return (c >= 0x3005 && c <= 0x3007) || (c >= 0x3041 && c <= 0x3096) || (c >= 0x309D && c <= 0x309F) ||
         (c >= 0x30A1 && c <= 0x30FA) || (c >= 0x30FC && c <= 0x30FF) || (c >= 0x31F0 && c <= 0x31FF) ||
         (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x323AF);
}

int64_t SpaceLength(std::string_view text, int64_t offset) {
  const char first = text[static_cast<size_t>(offset)];
  if (static_cast<uint8_t>(first) < 0x80) return IsAsciiSpace(first) ? 1 : 0;
  const DecodedChar c = DecodeUtf8(text, static_cast<size_t>(offset));
  return c.valid && IsSpace(c.code_point) ? c.length : 0;
}

int64_t SkipSpace(std::string_view text, int64_t offset) {
  const auto size = static_cast<int64_t>(text.size());
  while (offset < size) {
    const int64_t length = SpaceLength(text, offset);
    if (length == 0) break;
    offset += length;
  }
  return offset;
}

int64_t TrimEnd(std::string_view text, int64_t begin, int64_t end_limit) {
  const std::string_view head = text.substr(0, static_cast<size_t>(end_limit));
  int64_t end = end_limit;
  while (end > begin) {
    // White space outside ASCII takes two or three bytes, and its lead byte says which.
    bool trimmed = false;
    for (int64_t length = 1; length <= 3 && end - length >= begin; ++length) {
      if (SpaceLength(head, end - length) == length) {
        end -= length;
        trimmed = true;
        break;
      }
    }
    if (!trimmed) break;
  }
  return end;
}

}  // namespace precis::text
