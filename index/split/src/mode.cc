#include "src/mode.h"

#include <algorithm>
#include <array>

namespace precis::split {
namespace {

constexpr auto kSectioned = std::to_array<std::string_view>(
    {"text/markdown", "text/x-markdown", "text/html", "application/xhtml+xml", "text/x-rst"});
constexpr auto kLineTypes = std::to_array<std::string_view>(
    {"application/json", "application/jsonl", "application/x-ndjson", "application/javascript", "text/javascript",
     "application/typescript", "application/xml", "text/xml", "application/yaml", "application/toml", "text/csv",
     "text/tab-separated-values", "text/css"});
// Programming languages whose names could be language tags (BCP 47), which have two or three letters.
constexpr auto kShortCode = std::to_array<std::string_view>(
    {"c", "d", "r", "v", "c++", "cpp", "css", "go", "js", "lua", "php", "sql", "ts", "vim", "zig"});

template <size_t n>
bool Contains(const std::array<std::string_view, n>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

SplitMode ModeFor(std::string_view media_type, std::string_view language) {
  const std::string_view type = media_type.substr(0, media_type.find(';'));
  if (Contains(kSectioned, type)) return SplitMode::kMarkdown;
  if (type.substr(0, 7) == "text/x-" || Contains(kLineTypes, type)) return SplitMode::kCodeLines;
  const bool code_name = language.size() > 3 && language.find('-') == std::string_view::npos;
  if ((type.empty() || type == "text/plain") && (code_name || Contains(kShortCode, language))) {
    return SplitMode::kCodeLines;
  }
  return SplitMode::kProse;
}

}  // namespace precis::split
