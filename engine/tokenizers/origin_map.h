// Which bytes of the source each byte of a rewritten text came from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace precis::engine {

// 32 bits suffice: no text is longer than 256 MiB.
struct TextRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t size() const { return end - begin; }
};

// Stretches of bytes that follow each other in both texts, or that all stand for one range of the source. Written from
// front to back; reading near the place read last takes constant time. Not thread-safe, not even for reading.
class OriginMap {
 public:
  // The next `size` bytes are the source's from `begin` on.
  void AddVerbatim(uint32_t size, uint32_t begin) {
    if (size == 0) return;
    if (!stretches_.empty()) {
      const Stretch& last = stretches_.back();
      if (last.verbatim && last.begin + (size_ - last.at) == begin) {
        size_ += size;
        return;
      }
    }
    stretches_.push_back({size_, begin, 0, true});
    size_ += size;
  }

  // The next `size` bytes stand for `source` together.
  void AddReplaced(uint32_t size, TextRange source) {
    if (size == 0) return;
    if (size == 1 && source.size() == 1) return AddVerbatim(1, source.begin);
    stretches_.push_back({size_, source.begin, source.end, false});
    size_ += size;
  }

  // The next bytes are the bytes [begin, end) of the text of `other`.
  void AddPart(const OriginMap& other, uint32_t begin, uint32_t end) {
    for (size_t i = begin < end ? other.Find(begin) : 0; begin < end; ++i) {
      const Stretch& from = other.stretches_[i];
      const uint32_t stretch_end = i + 1 < other.stretches_.size() ? other.stretches_[i + 1].at : other.size_;
      const uint32_t size = std::min(end, stretch_end) - begin;
      if (from.verbatim) {
        AddVerbatim(size, from.begin + (begin - from.at));
      } else {
        AddReplaced(size, {from.begin, from.end});
      }
      begin += size;
    }
  }

  // Of the byte `i` < size().
  TextRange At(uint32_t i) const {
    const Stretch& stretch = stretches_[Find(i)];
    if (!stretch.verbatim) return {stretch.begin, stretch.end};
    const uint32_t at = stretch.begin + (i - stretch.at);
    return {at, at + 1};
  }

  uint32_t size() const { return size_; }

 private:
  struct Stretch {
    uint32_t at;          // its first byte in the rewritten text
    uint32_t begin, end;  // in the source; `end` only where not verbatim
    bool verbatim;
  };

  size_t Find(uint32_t i) const {
    if (cursor_ >= stretches_.size() || stretches_[cursor_].at > i) {
      const auto after = std::upper_bound(stretches_.begin(), stretches_.end(), i,
                                          [](uint32_t at, const Stretch& stretch) { return at < stretch.at; });
      cursor_ = static_cast<size_t>(after - stretches_.begin()) - 1;
    }
    while (cursor_ + 1 < stretches_.size() && stretches_[cursor_ + 1].at <= i) ++cursor_;
    return cursor_;
  }

  std::vector<Stretch> stretches_;
  uint32_t size_ = 0;
  mutable size_t cursor_ = 0;
};

}  // namespace precis::engine
