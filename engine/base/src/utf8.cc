#include "precis/base/utf8.h"

#include <algorithm>

namespace precis {
namespace {

constexpr DecodedChar kInvalid = {0xFFFD, 1, false};

bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// Length that a lead byte announces; 0 for a byte that cannot start a code point.
int AnnouncedLength(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

}  // namespace

DecodedChar DecodeUtf8(std::string_view text, size_t offset) {
  const auto lead = static_cast<uint8_t>(text[offset]);
  if (lead < 0x80) return {lead, 1, true};
  const int length = AnnouncedLength(lead);
  if (length == 0 || offset + static_cast<size_t>(length) > text.size()) return kInvalid;
  char32_t code_point = lead & (0xFF >> (length + 1));
  for (int i = 1; i < length; ++i) {
    const char next = text[offset + static_cast<size_t>(i)];
    if (!IsContinuation(next)) return kInvalid;
    code_point = (code_point << 6) | (static_cast<uint8_t>(next) & 0x3F);
  }
  const bool overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (overlong || surrogate || code_point > 0x10FFFF) return kInvalid;
  return {code_point, length, true};
}

void AppendUtf8(char32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (c >> 6)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (c >> 12)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (c >> 18)));
    out->push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (!c.valid) return false;
    i += static_cast<size_t>(c.length);
  }
  return true;
}

std::string ReplaceInvalidUtf8(std::string_view text, int64_t* replaced) {
  std::string out;
  out.reserve(text.size());
  int64_t count = 0;
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (c.valid) {
      out.append(text.substr(i, static_cast<size_t>(c.length)));
    } else {
      AppendUtf8(0xFFFD, &out);
      ++count;
    }
    i += static_cast<size_t>(c.length);
  }
  if (replaced != nullptr) *replaced = count;
  return out;
}

size_t CompleteUtf8Prefix(std::string_view text) {
  const size_t size = text.size();
  for (size_t back = 1; back <= std::min<size_t>(3, size); ++back) {
    const char c = text[size - back];
    if (IsContinuation(c)) continue;
    const int length = AnnouncedLength(static_cast<uint8_t>(c));
    return static_cast<size_t>(length) > back ? size - back : size;
  }
  return size;
}

size_t FloorToCharBoundary(std::string_view text, size_t offset) {
  if (offset >= text.size()) return text.size();
  size_t floor = offset;
  while (floor > 0 && offset - floor < 3 && IsContinuation(text[floor])) --floor;
  return IsContinuation(text[floor]) ? offset : floor;
}

}  // namespace precis
