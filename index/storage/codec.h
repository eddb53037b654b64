// Bytes of stored values: varints, length-prefixed strings, fixed floats; little-endian. The first byte of every value
// is its format version, so that an older reader refuses what it does not know.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace precis::index {

static_assert(std::endian::native == std::endian::little, "stored floats are little-endian");

class Encoder {
 public:
  Encoder& Byte(uint8_t value) {
    bytes_.push_back(static_cast<char>(value));
    return *this;
  }
  Encoder& Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<uint8_t>(value | 0x80));
    return Byte(static_cast<uint8_t>(value));
  }
  Encoder& Signed(int64_t value) {  // zigzag
    return Varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  Encoder& Double(double value) { return Raw({reinterpret_cast<const char*>(&value), sizeof(value)}); }
  Encoder& String(std::string_view value) { return Varint(value.size()).Raw(value); }
  Encoder& Strings(const std::vector<std::string>& values) {
    Varint(values.size());
    for (const std::string& value : values) String(value);
    return *this;
  }
  Encoder& Raw(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Never reads past the end: after the first wrong byte ok() is false and every value is empty.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  uint8_t Byte() {
    const std::string_view raw = Raw(1);
    return raw.empty() ? 0 : static_cast<uint8_t>(raw[0]);
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return ok_ ? value : 0;
    }
    return Fail();
  }
  int64_t Signed() {
    const uint64_t value = Varint();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  double Double() {
    double value = 0;
    const std::string_view raw = Raw(sizeof(value));
    if (!raw.empty()) std::memcpy(&value, raw.data(), sizeof(value));
    return value;
  }
  std::string String() { return std::string(Raw(Varint())); }
  std::vector<std::string> Strings() {
    std::vector<std::string> values;
    // Every string takes a byte at least, which bounds a hostile count.
    for (uint64_t n = Count(1); n > 0 && ok_; --n) values.push_back(String());
    return values;
  }
  // A count of items of at least `item_bytes` each that are still to come.
  uint64_t Count(uint64_t item_bytes) {
    const uint64_t count = Varint();
    return count > rest_.size() / item_bytes ? Fail() : count;
  }
  std::string_view Raw(uint64_t size) {
    if (!ok_ || size > rest_.size()) {
      Fail();
      return {};
    }
    const std::string_view raw = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return raw;
  }
  bool ok() const { return ok_; }
  // Everything was read and was right.
  bool Finished() const { return ok_ && rest_.empty(); }

 private:
  uint64_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace precis::index
