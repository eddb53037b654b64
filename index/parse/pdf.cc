// The text of a PDF, by a process of its own: poppler has crashed on damaged files before and will again.
#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "parse/child_process.h"
#include "parse/formats.h"
#include "parse/pdf_frames.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

constexpr int64_t kFrameBytes = 5;
constexpr int64_t kTitleAndErrorBytes = 64 << 10;

absl::Status Failed(const std::string& message) {
  return StatusWithReason(absl::StatusCode::kInvalidArgument, "PARSE_FAILED", message);
}

absl::Status TooLarge(const std::string& message) {
  return StatusWithReason(absl::StatusCode::kResourceExhausted, "TOO_LARGE", message);
}

absl::Status TextTooLarge(const ParseLimits& limits) {
  return TooLarge(
      absl::StrCat("the text of the PDF is larger than the limit of ", limits.max_text_bytes, " bytes: split it"));
}

// What came out of the reader, however far it got.
struct Pages {
  int count = -1;  // -1: it did not say
  int seen = 0, blank = 0, missing = 0;
  bool done = false;
};

// Nothing that the reader says is believed: what took it over may speak in its place.
absl::Status TakeFrames(std::string_view output, const ParseLimits& limits, Pages* pages, ParsedDocument* document) {
  while (const auto frame = TakePdfFrame(&output)) {
    const auto [tag, payload] = *frame;
    if (pages->done || !IsValidUtf8(payload)) return Failed("the PDF cannot be read: its reader wrote nonsense");
    switch (tag) {
      case PdfFrame::kPageCount:
        if (!absl::SimpleAtoi(absl::string_view(payload.data(), payload.size()), &pages->count) || pages->count < 0) {
          return Failed("the PDF cannot be read: its reader wrote nonsense");
        }
        break;
      case PdfFrame::kPage:
      case PdfFrame::kMissingPage:
        if (!document->text.empty()) document->text += "\n\n";
        document->map.AddPage(static_cast<int64_t>(document->text.size()));
        if (tag == PdfFrame::kMissingPage) {
          ++pages->missing;
        } else if (payload.empty()) {
          ++pages->blank;
        }
        ++pages->seen;
        if (static_cast<int64_t>(document->text.size() + payload.size()) > limits.max_text_bytes) {
          return TextTooLarge(limits);
        }
        document->text += payload;
        break;
      case PdfFrame::kTitle:
        document->title = payload;
        break;
      case PdfFrame::kDone:
        pages->done = true;
        break;
      case PdfFrame::kError: {
        const size_t line = std::min(payload.find('\n'), payload.size());
        const std::string sentence(payload.substr(std::min(line + 1, payload.size())));
        return payload.substr(0, line) == "TOO_LARGE" ? TooLarge(sentence) : Failed(sentence);
      }
      default:
        return Failed("the PDF cannot be read: its reader wrote nonsense");
    }
  }
  return absl::OkStatus();
}

std::string Place(const Pages& pages) {
  if (pages.count < 0) return "before its first page";
  return absl::StrCat("at page ", pages.seen + 1, " of ", pages.count);
}

// Why a reader that did not finish has ended.
absl::Status Broken(const ChildEnd& end, const Pages& pages, const ParseLimits& limits) {
  if (end.too_much_output) return TextTooLarge(limits);
  if (end.out_of_time || end.signal == SIGXCPU) {
    return Failed(absl::StrCat("the PDF takes longer to read than the limit of ", limits.pdf_seconds,
                               " seconds, and was given up ", Place(pages),
                               ": repair it with another program, or split it"));
  }
  const std::string how = end.signal != 0 ? absl::StrCat("signal ", end.signal, ", ", strsignal(end.signal))
                                          : absl::StrCat("exit status ", end.exit_status);
  return Failed(absl::StrCat("the PDF broke its reader (", how, ") ", Place(pages),
                             ": it is damaged, or takes more memory than the limit of ", limits.pdf_memory_bytes >> 20,
                             " MiB; repair it with another program"));
}

}  // namespace

absl::Status ParsePdf(std::string_view original, const ParseLimits& limits, const CallContext& call,
                      ParsedDocument* document) {
  const std::string reader = limits.pdf_reader.empty() ? BesideThisProgram(kPdfReaderName) : limits.pdf_reader;
  const ChildLimits child_limits{absl::Seconds(limits.pdf_seconds),
                                 limits.max_text_bytes + kTitleAndErrorBytes + kFrameBytes * (limits.max_pages + 4)};
  absl::StatusOr<ChildEnd> end = RunChild(reader,
                                          {absl::StrCat(limits.pdf_memory_bytes), absl::StrCat(limits.pdf_seconds),
                                           absl::StrCat(limits.max_pages), absl::StrCat(limits.max_text_bytes)},
                                          original, child_limits, call);
  if (absl::IsFailedPrecondition(end.status())) {
    return StatusWithReason(absl::StatusCode::kFailedPrecondition, "PARSE_FAILED",
                            absl::StrCat("PDFs are read by a program of their own, which is missing: ",
                                         std::string(end.status().message()), "; install it beside the server"));
  }
  PRECIS_RETURN_IF_ERROR(end.status());
  Pages pages;
  PRECIS_RETURN_IF_ERROR(TakeFrames(end->output, limits, &pages, document));
  if (!pages.done) return Broken(*end, pages, limits);

  if (pages.missing == pages.seen) return Failed("the PDF has no page that can be read: it is damaged");
  if (pages.blank + pages.missing == pages.seen) {
    return StatusWithReason(absl::StatusCode::kInvalidArgument, "NO_TEXT",
                            absl::StrCat("none of the ", pages.seen,
                                         " pages of the PDF has text (a scan?): run a text recognition over it first"));
  }
  const auto warn = [&](int count, const char* what) {
    if (count > 0) document->warnings.push_back(absl::StrCat(count, " of ", pages.seen, " pages ", what));
  };
  warn(pages.missing, "could not be read.");
  warn(pages.blank, "have no text (images?).");
  return absl::OkStatus();
}

}  // namespace precis::index
