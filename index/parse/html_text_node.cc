#include "parse/html_text_node.h"

#include <algorithm>
#include <utility>

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

// Whether `decoded` may go on from `d` as `raw` does from `r`: no literal byte within the lookahead says otherwise.
bool Follows(std::string_view decoded, size_t d, std::string_view raw, size_t r) {
  for (size_t i = 0; i < kLookahead; ++i, ++d, ++r) {
    if (r >= raw.size()) return d >= decoded.size();
    if (raw[r] == '&' || raw[r] == '<' || raw[r] == '\r') return true;
    if (d >= decoded.size() || decoded[d] != raw[r]) return false;
  }
  return true;
}

class Aligner {
 public:
  // The next `length` bytes were read from raw [begin, end).
  void Add(size_t length, size_t begin, size_t end, bool literal) {
    const auto decoded = static_cast<int64_t>(done_);
    done_ += length;
    const ByteRange raw = {static_cast<int64_t>(begin), static_cast<int64_t>(end)};
    if (literal && !runs_.empty() && runs_.back().literal && runs_.back().raw.end == raw.begin) {
      runs_.back().decoded.end += raw.size();
      runs_.back().raw.end = raw.end;
      return;
    }
    runs_.push_back({{decoded, decoded + static_cast<int64_t>(length)}, raw, literal});
  }

  size_t done() const { return done_; }
  std::vector<TextRun> Take() { return std::move(runs_); }

 private:
  size_t done_ = 0;
  std::vector<TextRun> runs_;
};

}  // namespace

std::vector<TextRun> AlignTextNode(std::string_view decoded, std::string_view raw) {
  Aligner aligner;
  size_t r = 0;
  while (aligner.done() < decoded.size()) {
    const size_t d = aligner.done();
    if (r < raw.size() && raw[r] == '&') {
      const size_t end = EntityEnd(raw, r);
      size_t length = 1;
      while (length < kMaxDecoded && d + length < decoded.size() && !Follows(decoded, d + length, raw, end)) ++length;
      if (end > r + 1 && Follows(decoded, d + length, raw, end)) {
        aligner.Add(length, r, end, false);
        r = end;
        continue;
      }
      if (decoded[d] != '&') break;
    }
    if (r < raw.size() && raw[r] == decoded[d]) {
      aligner.Add(1, r, r + 1, true);
      ++r;
    } else if (r < raw.size() && raw[r] == '\r' && decoded[d] == '\n') {
      const size_t end = r + (raw.substr(r, 2) == "\r\n" ? 2 : 1);
      aligner.Add(1, r, end, false);
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
  if (const size_t left = decoded.size() - aligner.done(); left > 0) {
    aligner.Add(left, std::min(r, raw.size()), raw.size(), false);
  }
  return aligner.Take();
}

}  // namespace precis::index
