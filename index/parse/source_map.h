// The way back from a document's stored text to the file it was read from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/byte_range.h"
#include "precis/index/types.h"

namespace precis::index {

// Built once while parsing, then immutable and thread-safe. Text that the parser added itself (list marks, separators)
// belongs to no segment; a range of nothing else is located at the segment after it, or at the last one.
class SourceMap {
 public:
  // Text [text.begin, text.end) was read from original [original.begin, original.end). Equal sizes mean byte for byte,
  // so a part of the text maps to that part; otherwise any part maps to the whole (a decoded entity). Calls come in
  // order of text.begin, without overlap; empty text is ignored, and neighbours that continue each other are joined.
  void AddSegment(const ByteRange& text, const ByteRange& original);
  // Where the lines of the original begin, increasing, the first at 0. Without it there are no lines.
  void SetLines(std::vector<int64_t> line_begins) { line_begins_ = std::move(line_begins); }
  // The next page (from 1) begins at `text_begin`. Text before the first page belongs to it.
  void AddPage(int64_t text_begin);

  // Where a range of the stored text stands. Any range is accepted; what lies outside the text is ignored.
  SourceLocation Locate(const ByteRange& text) const;

  // Compact bytes for storage: about one byte a line and four a segment.
  std::string Serialize() const;
  // DataLoss when the bytes are not what Serialize wrote; never reads past them.
  static absl::StatusOr<SourceMap> Deserialize(std::string_view bytes);

  friend bool operator==(const SourceMap&, const SourceMap&) = default;

 private:
  struct Segment {
    ByteRange text;
    ByteRange original;
    friend bool operator==(const Segment&, const Segment&) = default;
  };

  std::vector<Segment> segments_;     // by text.begin
  std::vector<int64_t> line_begins_;  // offsets in the original; the first is 0
  std::vector<int64_t> page_begins_;  // offsets in the text, never decreasing
};

}  // namespace precis::index
