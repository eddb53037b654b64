// The parsers, one file each. They fill text, title, language, warnings and map of `document`; limits, charsets and
// blank results are the caller's.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "parse/decoded_text.h"
#include "parse/document_parser.h"
#include "parse/media_type.h"

namespace precis::index {

// As it is. Markdown gives its title: front matter's "title:", else the first heading.
absl::Status ParsePlain(const DecodedText& source, Format format, const ParseLimits& limits, ParsedDocument* document);

// Readable text: see README.md for what is kept.
absl::Status ParseHtml(const DecodedText& source, const ParseLimits& limits, const CallContext& call,
                       ParsedDocument* document);

// The charset that a page declares in its first bytes; empty where it declares none.
std::string HtmlCharset(std::string_view original);

// "path: value", a line for each leaf. JSON Lines: a block for each record.
absl::Status ParseJson(const DecodedText& source, bool lines, const ParseLimits& limits, const CallContext& call,
                       ParsedDocument* document);

// "header: value", a block for each record.
absl::Status ParseCsv(const DecodedText& source, const ParseLimits& limits, const CallContext& call,
                      ParsedDocument* document);

// Pages, with an empty line between them.
absl::Status ParsePdf(std::string_view original, const ParseLimits& limits, const CallContext& call,
                      ParsedDocument* document);

}  // namespace precis::index
