// A half-open range of bytes [begin, end) in some text. The text it refers to is always named beside it.
#pragma once

#include <cstdint>
#include <string_view>

namespace precis {

struct ByteRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
  bool empty() const { return end <= begin; }
  bool Contains(const ByteRange& other) const { return begin <= other.begin && other.end <= end; }
  bool Overlaps(const ByteRange& other) const { return begin < other.end && other.begin < end; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// The bytes of `text` that `range` names. Requires 0 <= begin <= end <= text.size().
inline std::string_view Slice(std::string_view text, const ByteRange& range) {
  return text.substr(static_cast<size_t>(range.begin), static_cast<size_t>(range.size()));
}

}  // namespace precis
