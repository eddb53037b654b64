#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>

#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "parse/formats.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

absl::Status Failed(const std::string& message) {
  return StatusWithReason(absl::StatusCode::kInvalidArgument, "PARSE_FAILED", message);
}

void SilencePoppler() {
  static std::once_flag once;
  std::call_once(once, [] { poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr); });
}

// Valid, without control characters and without white space at the ends of lines.
std::string Cleaned(const poppler::ustring& raw) {
  const poppler::byte_array bytes = raw.to_utf8();
  const std::string utf8 = ReplaceInvalidUtf8(std::string_view(bytes.data(), bytes.size()));
  std::string text;
  text.reserve(utf8.size());
  for (const char c : utf8) {
    if (c == '\n') {
      while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
    }
    if (static_cast<uint8_t>(c) >= 0x20 || c == '\n' || c == '\t') text.push_back(c);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  return text;
}

absl::Status Read(std::string_view original, const ParseLimits& limits, const CallContext& call,
                  ParsedDocument* document) {
  if (original.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return StatusWithReason(absl::StatusCode::kResourceExhausted, "TOO_LARGE",
                            absl::StrCat("the PDF has ", original.size(), " bytes and may have 2^31: split it"));
  }
  const std::unique_ptr<poppler::document> pdf(
      poppler::document::load_from_raw_data(original.data(), static_cast<int>(original.size())));
  if (pdf == nullptr) return Failed("the PDF cannot be read: it is damaged or no PDF");
  if (pdf->is_locked()) return Failed("the PDF is encrypted and asks for a password: store it without one");
  const int pages = pdf->pages();
  if (pages > limits.max_pages) {
    return StatusWithReason(
        absl::StatusCode::kResourceExhausted, "TOO_LARGE",
        absl::StrCat("the PDF has ", pages, " pages and may have ", limits.max_pages, ": split it"));
  }
  int blank = 0, missing = 0;
  for (int i = 0; i < pages; ++i) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    if (!document->text.empty()) document->text += "\n\n";
    document->map.AddPage(static_cast<int64_t>(document->text.size()));
    const std::unique_ptr<poppler::page> page(pdf->create_page(i));
    if (page == nullptr) {
      ++missing;
      continue;
    }
    const std::string text = Cleaned(page->text(poppler::rectf(), poppler::page::non_raw_non_physical_layout));
    if (text.empty()) ++blank;
    if (static_cast<int64_t>(document->text.size() + text.size()) > limits.max_text_bytes) {
      return StatusWithReason(
          absl::StatusCode::kResourceExhausted, "TOO_LARGE",
          absl::StrCat("the text of the PDF is larger than the limit of ", limits.max_text_bytes, " bytes: split it"));
    }
    document->text += text;
  }
  const poppler::byte_array title = pdf->get_title().to_utf8();
  document->title = ReplaceInvalidUtf8(std::string_view(title.data(), title.size()));
  if (missing == pages) return Failed("the PDF has no page that can be read: it is damaged");
  if (blank + missing == pages) {
    return StatusWithReason(absl::StatusCode::kInvalidArgument, "NO_TEXT",
                            absl::StrCat("none of the ", pages,
                                         " pages of the PDF has text (a scan?): run a text recognition over it first"));
  }
  if (missing > 0) document->warnings.push_back(absl::StrCat(missing, " of ", pages, " pages could not be read."));
  if (blank > 0) document->warnings.push_back(absl::StrCat(blank, " of ", pages, " pages have no text (images?)."));
  return absl::OkStatus();
}

}  // namespace

absl::Status ParsePdf(std::string_view original, const ParseLimits& limits, const CallContext& call,
                      ParsedDocument* document) {
  SilencePoppler();
  try {
    return Read(original, limits, call, document);
  } catch (const std::exception& error) {
    return Failed(absl::StrCat("the PDF cannot be read: ", error.what()));
  }
}

}  // namespace precis::index
