#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "parse/formats.h"
#include "parse/text_builder.h"
#include "precis/base/status_macros.h"

namespace precis::index {
namespace {

// A title stands near the top.
constexpr size_t kTitleBytes = 16 << 10;
constexpr size_t kMaxTitle = 300;

std::string Trimmed(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())));
}

std::string Unquoted(std::string text) {
  if (text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0]) {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

std::string MarkdownTitle(std::string_view text) {
  text = text.substr(0, kTitleBytes);
  bool first = true, in_front_matter = false, in_fence = false;
  std::string previous;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string line = Trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const bool is_dashes = line == "---";
    if (first && is_dashes) {
      in_front_matter = true;
    } else if (in_front_matter) {
      if (is_dashes || line == "...") in_front_matter = false;
      if (line.rfind("title:", 0) == 0) return Unquoted(Trimmed(line.substr(6))).substr(0, kMaxTitle);
    } else if (line.rfind("```", 0) == 0 || line.rfind("~~~", 0) == 0) {
      in_fence = !in_fence;
    } else if (!in_fence && line.size() > 1 && line[0] == '#') {
      const size_t marks = line.find_first_not_of('#');
      if (marks != std::string::npos && marks <= 6 && line[marks] == ' ') {
        std::string title = line.substr(marks);
        while (!title.empty() && title.back() == '#') title.pop_back();
        return Trimmed(title).substr(0, kMaxTitle);
      }
    } else if (!in_fence && line.size() >= 3 && line.find_first_not_of('=') == std::string::npos && !previous.empty()) {
      return previous.substr(0, kMaxTitle);
    }
    first = false;
    previous = line;
  }
  return "";
}

}  // namespace

absl::Status ParsePlain(const DecodedText& source, Format format, const ParseLimits& limits, ParsedDocument* document) {
  if (format == Format::kMarkdown) document->title = MarkdownTitle(source.text());
  TextBuilder builder(source, limits.max_text_bytes);
  builder.AddFrom(source.text(), {0, static_cast<int64_t>(source.text().size())});
  return builder.Finish(&document->text, &document->map);
}

}  // namespace precis::index
