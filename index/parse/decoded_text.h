// A file's bytes as valid UTF-8, with the way back to the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "parse/source_map.h"
#include "precis/base/byte_range.h"

namespace precis::index {

class DecodedText {
 public:
  // `charset` is what the file or its sender declares, empty where nothing does. A byte order mark goes before it.
  // Invalid UTF-8 below one per cent is replaced and counted in a warning. Errors: UNSUPPORTED_MEDIA_TYPE (NUL bytes:
  // binary), INVALID_UTF8 (more than that, or a charset that is not known).
  static absl::StatusOr<DecodedText> Decode(std::string_view original, std::string_view charset,
                                            std::vector<std::string>* warnings);

  std::string_view text() const { return text_; }

  // Adds to `map` that text at `target` was read from text() at `source`; equal sizes mean byte for byte.
  void AddSegment(const ByteRange& target, const ByteRange& source, SourceMap* map) const;
  // Gives `map` the lines of text(), at their places in the original.
  void AddLines(SourceMap* map) const;

 private:
  // From `decoded` on the text stands at `original`, byte for byte where `verbatim`, as one character else.
  struct Anchor {
    int64_t decoded;
    int64_t original;
    bool verbatim;
  };

  static absl::StatusOr<DecodedText> FromCharset(std::string_view original, int64_t begin, const std::string& charset);
  static absl::StatusOr<DecodedText> FromUtf8(std::string_view original, int64_t begin,
                                              std::vector<std::string>* warnings);
  void AddAnchor(int64_t decoded, int64_t original, bool verbatim);
  int64_t OriginalOf(int64_t decoded) const;

  std::string text_;
  std::vector<Anchor> anchors_;  // the first is at decoded 0
  int64_t original_size_ = 0;
};

}  // namespace precis::index
