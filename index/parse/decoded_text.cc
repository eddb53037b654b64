#include "parse/decoded_text.h"

#include <unicode/ucnv.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "precis/base/reason.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

// More invalid bytes than this share mean another charset, not damage.
constexpr int64_t kInvalidShare = 100;

struct ConverterCloser {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};

bool IsUtf8Name(const std::string& charset) {
  return charset == "utf-8" || charset == "utf8" || charset == "us-ascii" || charset == "ascii";
}

}  // namespace

absl::StatusOr<DecodedText> DecodedText::Decode(std::string_view original, std::string_view charset,
                                                std::vector<std::string>* warnings) {
  if (original.substr(0, 3) == "\xEF\xBB\xBF") return FromUtf8(original, 3, warnings);
  if (original.substr(0, 2) == "\xFF\xFE") return FromCharset(original, 2, "UTF-16LE");
  if (original.substr(0, 2) == "\xFE\xFF") return FromCharset(original, 2, "UTF-16BE");
  const std::string name = absl::AsciiStrToLower(absl::string_view(charset.data(), charset.size()));
  if (!name.empty() && !IsUtf8Name(name)) {
    // Pages that declare Latin-1 mean Windows-1252, as browsers read them.
    const std::string read_as = name == "iso-8859-1" || name == "latin1" || name == "latin-1" ? "windows-1252" : name;
    auto decoded = FromCharset(original, 0, read_as);
    if (decoded.ok())
      warnings->push_back(absl::StrCat("Read as ", read_as, ", which it declares, and stored as UTF-8."));
    return decoded;
  }
  return FromUtf8(original, 0, warnings);
}

absl::StatusOr<DecodedText> DecodedText::FromCharset(std::string_view original, int64_t begin,
                                                     const std::string& charset) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, ConverterCloser> converter(ucnv_open(charset.c_str(), &error));
  if (U_FAILURE(error)) {
    return StatusWithReason(
        absl::StatusCode::kInvalidArgument, "INVALID_UTF8",
        absl::StrCat("the declared charset \"", charset, "\" is not known: convert the file to UTF-8"));
  }
  DecodedText decoded;
  decoded.original_size_ = static_cast<int64_t>(original.size());
  const char* position = original.data() + begin;
  const char* const end = original.data() + original.size();
  while (position < end) {
    const char* const before = position;
    error = U_ZERO_ERROR;
    const UChar32 c = ucnv_getNextUChar(converter.get(), &position, end, &error);
    if (error == U_INDEX_OUTOFBOUNDS_ERROR) break;
    // A step without progress would never end.
    if (position <= before) position = before + 1;
    const auto at = static_cast<int64_t>(decoded.text_.size());
    AppendUtf8(U_FAILURE(error) || c == 0 ? 0xFFFD : static_cast<char32_t>(c), &decoded.text_);
    const auto size = static_cast<int64_t>(decoded.text_.size()) - at;
    decoded.AddAnchor(at, before - original.data(), size == position - before);
  }
  if (decoded.anchors_.empty()) decoded.AddAnchor(0, begin, true);
  return decoded;
}

absl::StatusOr<DecodedText> DecodedText::FromUtf8(std::string_view original, int64_t begin,
                                                  std::vector<std::string>* warnings) {
  DecodedText decoded;
  decoded.original_size_ = static_cast<int64_t>(original.size());
  decoded.AddAnchor(0, begin, true);
  if (const size_t nul = original.find('\0'); nul != std::string_view::npos) {
    return StatusWithReason(absl::StatusCode::kUnimplemented, "UNSUPPORTED_MEDIA_TYPE",
                            absl::StrCat("the content is binary (a NUL byte at ", nul,
                                         "): only text, code, Markdown, HTML, JSON, CSV and PDF are read"));
  }
  const std::string_view bytes = original.substr(static_cast<size_t>(begin));
  if (IsValidUtf8(bytes)) {
    decoded.text_ = std::string(bytes);
    return decoded;
  }
  int64_t invalid = 0;
  bool after_invalid = false;
  for (size_t i = 0; i < bytes.size();) {
    const DecodedChar c = DecodeUtf8(bytes, i);
    if (!c.valid || after_invalid) {
      decoded.AddAnchor(static_cast<int64_t>(decoded.text_.size()), begin + static_cast<int64_t>(i), c.valid);
    }
    after_invalid = !c.valid;
    invalid += c.valid ? 0 : 1;
    AppendUtf8(c.code_point, &decoded.text_);
    i += static_cast<size_t>(c.length);
  }
  if (invalid * kInvalidShare > static_cast<int64_t>(bytes.size())) {
    return StatusWithReason(absl::StatusCode::kInvalidArgument, "INVALID_UTF8",
                            absl::StrCat(invalid, " of ", bytes.size(),
                                         " bytes are not UTF-8: convert the file, or name its charset in the media "
                                         "type (\"text/plain; charset=windows-1252\")"));
  }
  warnings->push_back(
      absl::StrCat(invalid, invalid == 1 ? " byte was" : " bytes were", " not valid UTF-8 and replaced by U+FFFD."));
  return decoded;
}

void DecodedText::AddAnchor(int64_t decoded, int64_t original, bool verbatim) {
  if (!anchors_.empty()) {
    const Anchor& last = anchors_.back();
    if (last.decoded == decoded) {
      anchors_.pop_back();
    } else if (last.verbatim && verbatim && decoded - last.decoded == original - last.original) {
      return;
    }
  }
  anchors_.push_back({decoded, original, verbatim});
}

int64_t DecodedText::OriginalOf(int64_t decoded) const {
  auto after = std::upper_bound(anchors_.begin(), anchors_.end(), decoded,
                                [](int64_t value, const Anchor& a) { return value < a.decoded; });
  const Anchor& anchor = *std::prev(after);
  const int64_t limit = after == anchors_.end() ? original_size_ : after->original;
  const int64_t offset = decoded - anchor.decoded;
  return anchor.verbatim ? std::min(anchor.original + offset, limit) : anchor.original;
}

void DecodedText::AddSegment(const ByteRange& target, const ByteRange& source, SourceMap* map) const {
  // OriginalOf(end) would be the next character's begin, which is also this range's end.
  if (anchors_.size() == 1 || target.size() != source.size()) {
    const int64_t end = source.end >= static_cast<int64_t>(text_.size()) ? original_size_ : OriginalOf(source.end);
    map->AddSegment(target, {OriginalOf(source.begin), std::max(end, OriginalOf(source.begin))});
    return;
  }
  const int64_t shift = target.begin - source.begin;
  auto anchor = std::prev(std::upper_bound(anchors_.begin(), anchors_.end(), source.begin,
                                           [](int64_t value, const Anchor& a) { return value < a.decoded; }));
  for (int64_t begin = source.begin; begin < source.end; ++anchor) {
    const auto next = std::next(anchor);
    const int64_t end = next == anchors_.end() ? source.end : std::min(source.end, next->decoded);
    const int64_t original_end = next == anchors_.end() ? original_size_ : next->original;
    const int64_t original = anchor->verbatim ? anchor->original + (begin - anchor->decoded) : anchor->original;
    map->AddSegment({begin + shift, end + shift},
                    {original, anchor->verbatim ? original + (end - begin) : original_end});
    begin = end;
  }
}

void DecodedText::AddLines(SourceMap* map) const {
  std::vector<int64_t> begins = {0};
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] != '\n' && text_[i] != '\r') continue;
    if (text_[i] == '\r' && i + 1 < text_.size() && text_[i + 1] == '\n') continue;
    if (i + 1 < text_.size()) begins.push_back(OriginalOf(static_cast<int64_t>(i) + 1));
  }
  map->SetLines(std::move(begins));
}

}  // namespace precis::index
