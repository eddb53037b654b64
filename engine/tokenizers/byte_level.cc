#include "tokenizers/byte_level.h"

#include <array>

#include "precis/base/utf8.h"

namespace precis::engine {
namespace {

// Printable bytes stand for themselves; the 68 others are written as U+0100, U+0101, ... in order.
std::array<int, 0x144> MakeAlphabet() {
  std::array<int, 0x144> byte_of;
  byte_of.fill(-1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    byte_of[static_cast<size_t>(printable ? byte : next++)] = byte;
  }
  return byte_of;
}

}  // namespace

bool FromByteLevel(std::string_view written, std::string* bytes) {
  static const std::array<int, 0x144> kByteOf = MakeAlphabet();
  std::string result;
  for (size_t i = 0; i < written.size();) {
    const DecodedChar c = DecodeUtf8(written, i);
    if (!c.valid || c.code_point >= kByteOf.size() || kByteOf[c.code_point] < 0) return false;
    result.push_back(static_cast<char>(kByteOf[c.code_point]));
    i += static_cast<size_t>(c.length);
  }
  *bytes = std::move(result);
  return true;
}

bool IsByteToken(std::string_view token, char* byte) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return false;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'A' && c <= 'F')) return false;
    value = value * 16 + (digit ? c - '0' : c - 'A' + 10);
  }
  *byte = static_cast<char>(value);
  return true;
}

}  // namespace precis::engine
