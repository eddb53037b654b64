#include "parse/document_parser.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "parse/decoded_text.h"
#include "parse/formats.h"
#include "parse/media_type.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"

namespace precis::index {
namespace {

bool IsBlank(std::string_view text) {
  // U+00A0 and U+FEFF are the white space outside ASCII that empty files do hold.
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || (c >= '\t' && c <= '\r')) continue;
    if (text.substr(i, 2) == "\xC2\xA0") {
      i += 1;
    } else if (text.substr(i, 3) == "\xEF\xBB\xBF") {
      i += 2;
    } else {
      return false;
    }
  }
  return true;
}

absl::Status ParseInto(const FileType& type, std::string_view content, const ParseLimits& limits,
                       const CallContext& call, ParsedDocument* document) {
  if (type.format == Format::kPdf) return ParsePdf(content, limits, call, document);
  std::string charset = type.charset;
  if (type.format == Format::kHtml && charset.empty()) charset = HtmlCharset(content);
  PRECIS_ASSIGN_OR_RETURN(const DecodedText source, DecodedText::Decode(content, charset, &document->warnings));
  PRECIS_RETURN_IF_ERROR(call.Check());
  switch (type.format) {
    case Format::kHtml:
      return ParseHtml(source, limits, call, document);
    case Format::kJson:
    case Format::kJsonLines:
      if (IsBlank(source.text())) return absl::OkStatus();
      return ParseJson(source, type.format == Format::kJsonLines, limits, call, document);
    case Format::kCsv:
      return ParseCsv(source, limits, call, document);
    case Format::kPlain:
    case Format::kMarkdown:
    case Format::kPdf:
      break;
  }
  return ParsePlain(source, type.format, limits, document);
}

}  // namespace

absl::StatusOr<ParsedDocument> ParseDocument(std::string_view uri, std::string_view media_type,
                                             std::string_view content, const ParseLimits& limits,
                                             const CallContext& call) {
  PRECIS_RETURN_IF_ERROR(call.Check());
  if (static_cast<int64_t>(content.size()) > limits.max_original_bytes) {
    return StatusWithReason(absl::StatusCode::kResourceExhausted, "TOO_LARGE",
                            absl::StrCat("the document has ", content.size(), " bytes and may have ",
                                         limits.max_original_bytes, ": split it"));
  }
  const auto no_text = [&] {
    return StatusWithReason(absl::StatusCode::kInvalidArgument, "NO_TEXT",
                            content.empty() ? "the document is empty" : "the document has no text");
  };
  if (content.empty()) return no_text();
  PRECIS_ASSIGN_OR_RETURN(const FileType type, DetectFileType(uri, media_type, content));
  ParsedDocument document;
  document.media_type = type.media_type;
  document.language = type.language;
  PRECIS_RETURN_IF_ERROR(ParseInto(type, content, limits, call, &document));
  if (IsBlank(document.text)) return no_text();
  return document;
}

}  // namespace precis::index
