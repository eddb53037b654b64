// A text under normalisation that remembers which bytes of the source each of its bytes came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::engine {

// 32 bits suffice: no text is longer than 256 MiB.
struct TextRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t size() const { return end - begin; }
};

class AlignedText {
 public:
  // The bytes `range` of `source`, which must outlive this. Without `track` no ranges are kept and SourceRange is not
  // to be asked: half the work where only ids are wanted.
  AlignedText(std::string_view source, TextRange range, bool track)
      : source_(source.substr(range.begin, range.size())), source_begin_(range.begin), track_(track) {}

  std::string_view bytes() const { return changed_ ? std::string_view(storage_) : source_; }
  // Offset in the source of the first byte that this text was made from.
  uint32_t source_begin() const { return source_begin_; }

  // The bytes `range` of this text as a text of its own.
  AlignedText Part(TextRange range) const {
    AlignedText part = *this;
    if (changed_) {
      part.storage_ = storage_.substr(range.begin, range.size());
      if (track_) part.origin_.assign(origin_.begin() + range.begin, origin_.begin() + range.end);
      if (track_ && !part.origin_.empty()) part.source_begin_ = part.origin_[0].begin;
    } else {
      part.source_ = source_.substr(range.begin, range.size());
      part.source_begin_ = source_begin_ + range.begin;
    }
    return part;
  }

  // What the bytes [begin, end), begin < end, were made from.
  ByteRange SourceRange(uint32_t begin, uint32_t end) const {
    if (!changed_) return {int64_t{source_begin_} + begin, int64_t{source_begin_} + end};
    return {origin_[begin].begin, origin_[end - 1].end};
  }

 private:
  friend class TextRewriter;
  TextRange Origin(uint32_t i) const {
    return changed_ ? origin_[i] : TextRange{source_begin_ + i, source_begin_ + i + 1};
  }

  std::string_view source_;
  uint32_t source_begin_;
  bool track_;
  bool changed_ = false;  // storage_ holds the text, origin_ (if tracked) an entry for each of its bytes
  std::string storage_;
  std::vector<TextRange> origin_;
};

// Writes the next version of a text from left to right.
class TextRewriter {
 public:
  explicit TextRewriter(AlignedText* text) : text_(text), bytes_(text->bytes()) { out_.reserve(bytes_.size()); }

  std::string_view bytes() const { return bytes_; }

  // Bytes written so far.
  uint32_t size() const { return static_cast<uint32_t>(out_.size()); }

  // The old bytes [begin, end) as they are.
  void Keep(uint32_t begin, uint32_t end) {
    out_.append(bytes_.substr(begin, end - begin));
    if (!text_->track_) return;
    for (uint32_t i = begin; i < end; ++i) origin_.push_back(text_->Origin(i));
  }

  // `replacement` in place of the old bytes [begin, end). An empty range stands for an insertion at `begin`.
  void Replace(uint32_t begin, uint32_t end, std::string_view replacement) {
    out_.append(replacement);
    if (text_->track_) origin_.resize(out_.size(), Source(begin, end));
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
  TextRange Source(uint32_t begin, uint32_t end) const {
    if (begin < end) return {text_->Origin(begin).begin, text_->Origin(end - 1).end};
    if (begin < bytes_.size()) return {text_->Origin(begin).begin, text_->Origin(begin).begin};
    if (begin == 0) return {text_->source_begin_, text_->source_begin_};
    return {text_->Origin(begin - 1).end, text_->Origin(begin - 1).end};
  }

  AlignedText* text_;
  std::string_view bytes_;
  std::string out_;
  std::vector<TextRange> origin_;
};

}  // namespace precis::engine
