#include "storage/keys.h"

namespace precis::index {
namespace {

void AppendBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(value >> (8 * i)));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string BigEndian64(uint64_t value) {
  std::string out;
  AppendBigEndian(value, 8, &out);
  return out;
}

uint64_t ReadBigEndian64(std::string_view bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

uint32_t ReadBigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

std::string BytesOfHex(std::string_view hex) {
  if (hex.size() != 64) return {};
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexDigit(hex[i]), low = HexDigit(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string CollectionPrefix(uint64_t uid) { return BigEndian64(uid); }
std::string CollectionEnd(uint64_t uid) { return BigEndian64(uid + 1); }

std::string DocumentKeyOf(uint64_t uid, std::string_view document_id) {
  return BigEndian64(uid) + BytesOfHex(document_id);
}

std::string VersionPrefix(uint64_t uid, std::string_view version_id, uint64_t attempt) {
  return BigEndian64(uid) + BytesOfHex(version_id) + BigEndian64(attempt);
}

std::string OrdinalKey(std::string_view version_prefix, uint32_t ordinal) {
  std::string key(version_prefix);
  AppendBigEndian(ordinal, 4, &key);
  return key;
}

}  // namespace precis::index
