#include "gateway/citation_location.h"

#include <algorithm>
#include <string>

namespace precis::services {
namespace {

int32_t Newlines(const std::string& text, int64_t begin, int64_t end) {
  return static_cast<int32_t>(std::count(text.begin() + begin, text.begin() + end, '\n'));
}

}  // namespace

v1::SourceLocation LocationInPassage(const v1::Passage& passage, const ByteRange& source) {
  v1::SourceLocation location = passage.location();
  const std::string& text = passage.text();
  const auto size = static_cast<int64_t>(text.size());
  if (source.begin < 0 || source.empty() || source.end > size) return location;
  const v1::ByteRange& original = location.original_range();
  const bool same_bytes = location.has_original_range() && original.end() - original.begin() == size;
  if (same_bytes) {
    const int64_t begin = original.begin();
    location.mutable_original_range()->set_begin(begin + source.begin);
    location.mutable_original_range()->set_end(begin + source.end);
  }
  const int32_t lines = location.line_end() - location.line_begin();
  if (same_bytes && location.line_begin() > 0 && lines == Newlines(text, 0, size - (text.back() == '\n' ? 1 : 0))) {
    const int32_t first = location.line_begin() + Newlines(text, 0, source.begin);
    location.set_line_end(first + Newlines(text, source.begin, source.end - 1));
    location.set_line_begin(first);
  }
  return location;
}

}  // namespace precis::services
