// The stored text as it grows, with its map.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "parse/decoded_text.h"
#include "parse/source_map.h"
#include "precis/base/reason.h"

namespace precis::index {

class TextBuilder {
 public:
  // `source` must outlive the builder.
  TextBuilder(const DecodedText& source, int64_t max_bytes) : source_(source), max_bytes_(max_bytes) {}

  // Text that the source does not have: marks and separators.
  void Add(std::string_view text) {
    if (Fits(text.size())) text_.append(text);
  }
  // Text read from `source` of the decoded text; equal sizes mean that the bytes are equal.
  void AddFrom(std::string_view text, const ByteRange& source) {
    if (!Fits(text.size())) return;
    const auto begin = static_cast<int64_t>(text_.size());
    text_.append(text);
    source_.AddSegment({begin, static_cast<int64_t>(text_.size())}, source, &map_);
  }

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool full() const { return full_; }

  // Hands over text and map. TOO_LARGE if something did not fit.
  absl::Status Finish(std::string* text, SourceMap* map) {
    if (full_) {
      return StatusWithReason(
          absl::StatusCode::kResourceExhausted, "TOO_LARGE",
          absl::StrCat("the extracted text is larger than the limit of ", max_bytes_, " bytes: split the file"));
    }
    source_.AddLines(&map_);
    *text = std::move(text_);
    *map = std::move(map_);
    return absl::OkStatus();
  }

 private:
  bool Fits(size_t size) {
    full_ = full_ || static_cast<int64_t>(text_.size() + size) > max_bytes_;
    return !full_;
  }

  const DecodedText& source_;
  int64_t max_bytes_;
  std::string text_;
  SourceMap map_;
  bool full_ = false;
};

}  // namespace precis::index
