#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "parse/document_parser.h"
#include "precis/base/reason.h"

namespace precis::index {

// The defaults, with the reader of PDFs of this build.
inline ParseLimits TestLimits() {
  ParseLimits limits;
  limits.pdf_reader = PRECIS_PDF_READER;
  return limits;
}

inline ParsedDocument MustParse(std::string_view uri, std::string_view content, std::string_view media_type = "") {
  auto document = ParseDocument(uri, media_type, content, TestLimits(), CallContext());
  EXPECT_TRUE(document.ok()) << document.status();
  return document.ok() ? *document : ParsedDocument{};
}

inline absl::Status ParseError(std::string_view uri, std::string_view content, std::string_view media_type = "",
                               const ParseLimits& limits = TestLimits()) {
  return ParseDocument(uri, media_type, content, limits, CallContext()).status();
}

// 1-based line of the first `needle` in `text`.
inline int LineOf(std::string_view text, std::string_view needle) {
  const size_t at = text.find(needle);
  if (at == std::string_view::npos) return -1;
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<int64_t>(at), '\n'));
}

// Where the first `needle` of the stored text stands in the original.
inline SourceLocation LocateText(const ParsedDocument& document, std::string_view needle) {
  const size_t at = document.text.find(needle);
  EXPECT_NE(at, std::string::npos) << needle << " in\n" << document.text;
  if (at == std::string::npos) return {};
  return document.map.Locate({static_cast<int64_t>(at), static_cast<int64_t>(at + needle.size())});
}

}  // namespace precis::index
