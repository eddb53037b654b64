// Foreign files to the UTF-8 text that is stored, split and cited. Every byte of a file is treated as hostile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "parse/source_map.h"
#include "precis/base/call_context.h"

namespace precis::index {

// Changes whenever the same bytes may give other text: part of every version id.
inline constexpr int kParserVersion = 1;

struct ParseLimits {
  int64_t max_original_bytes = 64 << 20;
  int64_t max_text_bytes = 64 << 20;  // some formats grow when read: CSV repeats its header in every record
  int max_pages = 5'000;              // of a PDF
  // A PDF is read by another process (README.md), which may take so much; by the clock it has as long as by its CPU.
  int64_t pdf_memory_bytes = 1 << 30;
  int64_t pdf_seconds = 120;
  std::string pdf_reader;  // path of precis-pdf-reader; empty: beside the running program
};

struct ParsedDocument {
  std::string text;                   // valid UTF-8, not blank
  std::string title;                  // empty where the content has none
  std::string media_type;             // that it was parsed as: "text/html"
  std::string language;               // "python" for code, BCP 47 for prose that says so; empty: unknown
  std::vector<std::string> warnings;  // what was left out or could not be mapped, one sentence each
  SourceMap map;                      // from `text` to `content`
};

// Reads one document. `media_type` decides where it is given (parameters such as "; charset=latin1" are understood);
// otherwise the ending of `uri`, then the content. Text, code and Markdown are stored as they are, HTML as readable
// text with "#" headings, JSON as "path: value" lines, JSON Lines and CSV as one block a record, PDF as its text page
// by page. Thread-safe and deterministic. Errors carry a reason (precis/base/reason.h): UNSUPPORTED_MEDIA_TYPE (binary,
// or a type that has no parser; Unimplemented), TOO_LARGE (ResourceExhausted, with the limit), INVALID_UTF8, NO_TEXT,
// PARSE_FAILED (InvalidArgument). Without a reason: Cancelled, DeadlineExceeded.
absl::StatusOr<ParsedDocument> ParseDocument(std::string_view uri, std::string_view media_type,
                                             std::string_view content, const ParseLimits& limits,
                                             const CallContext& call);

}  // namespace precis::index
