#include "parse/html_text_node.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace precis::index {
namespace {

// The longest named entity, "&CounterClockwiseContourIntegral;", has 33 bytes and decodes to at most 6.
constexpr size_t kMaxEntity = 40;
constexpr size_t kMaxDecoded = 8;
constexpr size_t kLookahead = 12;

// The end of the entity that begins with '&' at `begin`; begin + 1 where there is none.
size_t EntityEnd(std::string_view raw, size_t begin) {
  size_t end = begin + 1;
  if (end < raw.size() && raw[end] == '#') ++end;
  while (end < raw.size() && end - begin < kMaxEntity && absl::ascii_isalnum(raw[end])) ++end;
  if (end < raw.size() && raw[end] == ';' && end > begin + 1) ++end;
  return end;
}

// How many literal bytes of `raw` from `r` on equal `decoded` from `d` on; `*all` if nothing literal contradicts within
// the lookahead.
bool Follows(std::string_view decoded, size_t d, std::string_view raw, size_t r) {
  for (size_t i = 0; i < kLookahead; ++i, ++d, ++r) {
    if (r >= raw.size()) return d >= decoded.size();
    if (raw[r] == '&' || raw[r] == '<' || raw[r] == '\r') return true;
    if (d >= decoded.size() || decoded[d] != raw[r]) return false;
  }
  return true;
}

ByteRange Range(size_t begin, size_t end) { return {static_cast<int64_t>(begin), static_cast<int64_t>(end)}; }

}  // namespace

std::vector<ByteRange> AlignTextNode(std::string_view decoded, std::string_view raw) {
  std::vector<ByteRange> places(decoded.size());
  size_t d = 0, r = 0;
  while (d < decoded.size()) {
    if (r < raw.size() && raw[r] == '&') {
      const size_t end = EntityEnd(raw, r);
      size_t length = 1;
      while (length < kMaxDecoded && d + length < decoded.size() && !Follows(decoded, d + length, raw, end)) ++length;
      if (end > r + 1 && Follows(decoded, d + length, raw, end)) {
        for (size_t i = 0; i < length && d < decoded.size(); ++i) places[d++] = Range(r, end);
        r = end;
        continue;
      }
      if (decoded[d] != '&') break;
    }
    if (r < raw.size() && raw[r] == decoded[d]) {
      places[d++] = Range(r, r + 1);
      ++r;
    } else if (r < raw.size() && raw[r] == '\r' && decoded[d] == '\n') {
      const size_t end = r + (raw.substr(r, 2) == "\r\n" ? 2 : 1);
      places[d++] = Range(r, end);
      r = end;
    } else if (r < raw.size() && raw[r] == '<') {
      // A tag that the parser ignored, or a comment.
      const size_t close = raw.find('>', r);
      if (close == std::string_view::npos) break;
      r = close + 1;
    } else {
      break;
    }
  }
  for (; d < decoded.size(); ++d) places[d] = Range(std::min(r, raw.size()), raw.size());
  return places;
}

}  // namespace precis::index
