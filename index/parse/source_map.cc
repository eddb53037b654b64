#include "parse/source_map.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::index {
namespace {

// Format 1: the magic, then three lists, each a count and then its numbers as varints. All but a segment's place in
// the original never decreases, so differences are stored; that one is stored zigzag.
constexpr std::string_view kMagic = "PSM1";

void PutVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

uint64_t ZigZag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
int64_t UnZigZag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      if (position_ >= bytes_.size()) return false;
      const auto byte = static_cast<uint8_t>(bytes_[position_++]);
      *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  // A number of entries; each takes at least `min_bytes`, so that a hostile count cannot ask for memory.
  bool Count(uint64_t min_bytes, uint64_t* count) {
    return Varint(count) && *count <= (bytes_.size() - position_) / min_bytes;
  }

  // Adds a difference to `*sum`; false past 2^62.
  bool Advance(int64_t* sum) {
    uint64_t step = 0;
    if (!Varint(&step) || step > kMax - static_cast<uint64_t>(*sum)) return false;
    *sum += static_cast<int64_t>(step);
    return true;
  }

  // As Advance, but by a signed difference.
  bool Move(int64_t* value) {
    uint64_t coded = 0;
    if (!Varint(&coded)) return false;
    const int64_t moved = *value + UnZigZag(coded);
    if (moved < 0 || moved > static_cast<int64_t>(kMax)) return false;
    *value = moved;
    return true;
  }

  bool AtEnd() const { return position_ == bytes_.size(); }

 private:
  static constexpr uint64_t kMax = uint64_t{1} << 62;
  std::string_view bytes_;
  size_t position_ = 0;
};

absl::Status Damaged(std::string_view part) {
  return absl::DataLossError(
      absl::StrCat("the source map is damaged in its ", std::string(part), ": ingest the document again"));
}

bool IsVerbatim(const ByteRange& text, const ByteRange& original) { return text.size() == original.size(); }

// 1-based number of the entry of `begins` that holds `offset`.
int IndexOf(const std::vector<int64_t>& begins, int64_t offset) {
  const auto after = std::upper_bound(begins.begin(), begins.end(), offset);
  return std::max(1, static_cast<int>(after - begins.begin()));
}

}  // namespace

void SourceMap::AddSegment(const ByteRange& text, const ByteRange& original) {
  if (text.empty()) return;
  if (!segments_.empty()) {
    Segment& last = segments_.back();
    if (last.text.end == text.begin && last.original.end == original.begin && IsVerbatim(last.text, last.original) &&
        IsVerbatim(text, original)) {
      last.text.end = text.end;
      last.original.end = original.end;
      return;
    }
  }
  segments_.push_back({text, original});
}

void SourceMap::AddPage(int64_t text_begin) { page_begins_.push_back(text_begin); }

SourceLocation SourceMap::Locate(const ByteRange& text) const {
  SourceLocation location;
  const int64_t last = std::max(text.begin, text.end - 1);
  if (!page_begins_.empty()) {
    location.page_begin = IndexOf(page_begins_, text.begin);
    location.page_end = IndexOf(page_begins_, last);
  }
  if (segments_.empty()) return location;
  auto segment = std::lower_bound(segments_.begin(), segments_.end(), text.begin,
                                  [](const Segment& s, int64_t begin) { return s.text.end <= begin; });
  if (segment == segments_.end()) --segment;
  ByteRange original = {std::numeric_limits<int64_t>::max(), 0};
  const auto first = segment;
  for (; segment != segments_.end() && (segment == first || segment->text.begin < text.end); ++segment) {
    ByteRange part = segment->original;
    if (IsVerbatim(segment->text, segment->original) && segment->text.Overlaps(text)) {
      const int64_t shift = segment->original.begin - segment->text.begin;
      part = {std::max(segment->text.begin, text.begin) + shift, std::min(segment->text.end, text.end) + shift};
    }
    original.begin = std::min(original.begin, part.begin);
    original.end = std::max(original.end, part.end);
  }
  location.original_range = original;
  if (!line_begins_.empty()) {
    location.line_begin = IndexOf(line_begins_, original.begin);
    location.line_end = IndexOf(line_begins_, std::max(original.begin, original.end - 1));
  }
  return location;
}

std::string SourceMap::Serialize() const {
  std::string out(kMagic);
  PutVarint(segments_.size(), &out);
  int64_t text_end = 0, original_end = 0;
  for (const Segment& s : segments_) {
    PutVarint(static_cast<uint64_t>(s.text.begin - text_end), &out);
    PutVarint(static_cast<uint64_t>(s.text.size()), &out);
    PutVarint(ZigZag(s.original.begin - original_end), &out);
    PutVarint(ZigZag(s.original.size() - s.text.size()), &out);
    text_end = s.text.end;
    original_end = s.original.end;
  }
  for (const std::vector<int64_t>* begins : {&line_begins_, &page_begins_}) {
    PutVarint(begins->size(), &out);
    int64_t previous = 0;
    for (const int64_t begin : *begins) {
      PutVarint(static_cast<uint64_t>(begin - previous), &out);
      previous = begin;
    }
  }
  return out;
}

absl::StatusOr<SourceMap> SourceMap::Deserialize(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) return Damaged("first bytes");
  Reader reader(bytes.substr(kMagic.size()));
  SourceMap map;
  uint64_t count = 0;
  if (!reader.Count(4, &count)) return Damaged("segments");
  map.segments_.reserve(count);
  int64_t text = 0, original = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Segment s;
    bool good = reader.Advance(&text);
    s.text.begin = text;
    good = good && reader.Advance(&text) && reader.Move(&original);
    s.text.end = text;
    s.original.begin = original;
    int64_t size = s.text.size();
    if (!good || !reader.Move(&size)) return Damaged("segments");
    s.original.end = original = s.original.begin + size;
    map.segments_.push_back(s);
  }
  for (std::vector<int64_t>* begins : {&map.line_begins_, &map.page_begins_}) {
    if (!reader.Count(1, &count)) return Damaged("lines");
    begins->reserve(count);
    int64_t begin = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (!reader.Advance(&begin)) return Damaged("lines");
      begins->push_back(begin);
    }
  }
  if (!reader.AtEnd()) return Damaged("end");
  return map;
}

}  // namespace precis::index
