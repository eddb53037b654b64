// A text under normalisation that remembers which bytes of the source each of its bytes came from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "precis/base/byte_range.h"
#include "tokenizers/origin_map.h"

namespace precis::engine {

inline constexpr size_t kMaxTextBytes = size_t{256} << 20;
// Ranges are 32 bits wide, and normalisation can make a text longer.
inline constexpr size_t kMaxNormalizedBytes = 4 * kMaxTextBytes - 1;

class AlignedText {
 public:
  // The bytes `range` of `source`, which must outlive this. Without `track` no ranges are kept and SourceRange is not
  // to be asked: half the work where only ids are wanted.
  AlignedText(std::string_view source, TextRange range, bool track)
      : source_(source.substr(range.begin, range.size())), source_begin_(range.begin), track_(track) {}

  std::string_view bytes() const { return changed_ ? std::string_view(storage_) : source_; }
  // Offset in the source of the first byte that this text was made from.
  uint32_t source_begin() const { return source_begin_; }
  // Whether a step wanted to make it longer than kMaxNormalizedBytes; its bytes are then worth nothing.
  bool overflowed() const { return overflowed_; }

  // The bytes `range` of this text as a text of its own.
  AlignedText Part(TextRange range) const {
    AlignedText part(source_, {0, 0}, track_);
    if (changed_) {
      part.source_begin_ = source_begin_;
      part.changed_ = true;
      part.storage_ = storage_.substr(range.begin, range.size());
      if (track_) part.origin_.AddPart(origin_, range.begin, range.end);
      if (track_ && range.size() > 0) part.source_begin_ = origin_.At(range.begin).begin;
    } else {
      part.source_ = source_.substr(range.begin, range.size());
      part.source_begin_ = source_begin_ + range.begin;
    }
    return part;
  }

  // What the bytes [begin, end), begin < end, were made from. Not to be asked by two threads.
  ByteRange SourceRange(uint32_t begin, uint32_t end) const {
    if (!changed_) return {int64_t{source_begin_} + begin, int64_t{source_begin_} + end};
    const uint32_t first = origin_.At(begin).begin;
    return {first, origin_.At(end - 1).end};
  }

 private:
  friend class TextRewriter;
  TextRange Origin(uint32_t i) const {
    return changed_ ? origin_.At(i) : TextRange{source_begin_ + i, source_begin_ + i + 1};
  }

  std::string_view source_;
  uint32_t source_begin_;
  bool track_;
  bool changed_ = false;  // storage_ holds the text and origin_ (if tracked) where it is from
  bool overflowed_ = false;
  std::string storage_;
  OriginMap origin_;
};

// Writes the next version of a text from left to right.
class TextRewriter {
 public:
  explicit TextRewriter(AlignedText* text, size_t limit = kMaxNormalizedBytes)
      : text_(text), bytes_(text->bytes()), limit_(limit) {
    out_.reserve(bytes_.size());
  }

  std::string_view bytes() const { return bytes_; }

  // Bytes written so far.
  uint32_t size() const { return static_cast<uint32_t>(out_.size()); }

  // The old bytes [begin, end) as they are.
  void Keep(uint32_t begin, uint32_t end) {
    if (Full(end - begin)) return;
    out_.append(bytes_, begin, end - begin);
    if (text_->track_) KeepOrigin(begin, end);
  }

  // The old bytes [begin, end), each as map[byte].
  void KeepMapped(uint32_t begin, uint32_t end, const uint8_t (&map)[256]) {
    if (Full(end - begin)) return;
    const size_t from = out_.size();
    out_.resize(from + (end - begin));
    for (size_t i = 0; i < end - begin; ++i) {
      out_[from + i] = static_cast<char>(map[static_cast<uint8_t>(bytes_[begin + i])]);
    }
    if (text_->track_) KeepOrigin(begin, end);
  }

  // `replacement` in place of the old bytes [begin, end). An empty range stands for an insertion at `begin`.
  void Replace(uint32_t begin, uint32_t end, std::string_view replacement) {
    if (Full(replacement.size())) return;
    out_.append(replacement);
    if (text_->track_) origin_.AddReplaced(static_cast<uint32_t>(replacement.size()), Source(begin, end));
  }

  // The old bytes [begin, end), with `replacement` in place of each `byte`.
  void KeepReplacing(uint32_t begin, uint32_t end, char byte, std::string_view replacement) {
    if (!text_->track_ && replacement.size() <= sizeof(uint32_t)) return AppendReplacing(begin, end, byte, replacement);
    for (size_t at; begin < end; begin = static_cast<uint32_t>(at) + 1) {
      at = bytes_.find(byte, begin);
      if (at >= end) return Keep(begin, end);
      Keep(begin, static_cast<uint32_t>(at));
      Replace(static_cast<uint32_t>(at), static_cast<uint32_t>(at) + 1, replacement);
    }
  }

  // Whether what was written is the whole old text.
  bool Unchanged() const { return out_ == bytes_; }

  // The text becomes what was written.
  void Finish() {
    text_->storage_ = std::move(out_);
    text_->origin_ = std::move(origin_);
    text_->changed_ = true;
  }

 private:
  bool Full(size_t more) {
    if (out_.size() + more <= limit_) return false;
    text_->overflowed_ = true;
    return true;
  }

  // KeepReplacing without a branch for each byte: four bytes are written for each, and one or the replacement counts.
  void AppendReplacing(uint32_t begin, uint32_t end, char byte, std::string_view replacement) {
    const std::string_view part = bytes_.substr(begin, end - begin);
    const auto hits = static_cast<size_t>(std::count(part.begin(), part.end(), byte));
    const size_t size = part.size() + hits * replacement.size() - hits;
    if (Full(size)) return;
    const size_t from = out_.size();
    out_.resize(from + size + sizeof(uint32_t));
    uint32_t other = 0;
    std::memcpy(&other, replacement.data(), replacement.size());
    char* to = out_.data() + from;
    for (const char c : part) {
      const uint32_t four = c == byte ? other : static_cast<uint8_t>(c);  // little-endian
      std::memcpy(to, &four, sizeof four);
      to += c == byte ? replacement.size() : 1;
    }
    out_.resize(from + size);
  }

  void KeepOrigin(uint32_t begin, uint32_t end) {
    if (text_->changed_) {
      origin_.AddPart(text_->origin_, begin, end);
    } else {
      origin_.AddVerbatim(end - begin, text_->source_begin_ + begin);
    }
  }

  TextRange Source(uint32_t begin, uint32_t end) const {
    if (begin < end) return {text_->Origin(begin).begin, text_->Origin(end - 1).end};
    if (begin < bytes_.size()) return {text_->Origin(begin).begin, text_->Origin(begin).begin};
    if (begin == 0) return {text_->source_begin_, text_->source_begin_};
    return {text_->Origin(begin - 1).end, text_->Origin(begin - 1).end};
  }

  AlignedText* text_;
  std::string_view bytes_;
  size_t limit_;
  std::string out_;
  OriginMap origin_;
};

}  // namespace precis::engine
