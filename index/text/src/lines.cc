#include "precis/text/lines.h"

#include <algorithm>

#include "src/chars.h"

namespace precis::text {
namespace {

// Marks such as list bullets and fences stand near the line's begin; looking further would make long lines cost twice.
constexpr size_t kMaxTableProbe = 512;

// Length of the run of `c` at the begin of `s`.
size_t RunLength(std::string_view s, char c) {
  size_t n = 0;
  while (n < s.size() && s[n] == c) ++n;
  return n;
}

bool IsBlankAfter(std::string_view s, size_t n) { return n >= s.size() || s[n] == ' ' || s[n] == '\t'; }

bool IsListItem(std::string_view s) {
  if (s.empty()) return false;
  if (s[0] == '-' || s[0] == '*' || s[0] == '+') return s.size() > 1 && IsBlankAfter(s, 1);
  size_t digits = 0;
  while (digits < s.size() && digits < 9 && IsAsciiDigit(s[digits])) ++digits;
  return digits > 0 && digits < s.size() && (s[digits] == '.' || s[digits] == ')') && s.size() > digits + 1 &&
         IsBlankAfter(s, digits + 1);
}

// At least three of one mark and nothing else but spaces.
bool IsRule(std::string_view s) {
  const char mark = s[0];
  if (mark != '-' && mark != '*' && mark != '_' && mark != '=') return false;
  int marks = 0;
  for (const char c : s) {
    if (c == mark) {
      ++marks;
    } else if (c != ' ' && c != '\t') {
      return false;
    }
  }
  return marks >= 3;
}

bool IsTableRow(std::string_view s) {
  return s[0] == '|' || s.substr(0, kMaxTableProbe).find(" | ") != std::string_view::npos;
}

}  // namespace

bool LineScanner::Next(Line* line) {
  const auto size = static_cast<int64_t>(text_.size());
  if (position_ >= size) return false;
  const int64_t begin = position_;
  const size_t found = text_.find_first_of("\r\n", static_cast<size_t>(begin));
  const int64_t end = found == std::string_view::npos ? size : static_cast<int64_t>(found);
  int64_t next = end;
  if (next < size) next += text_.substr(found, 2) == "\r\n" ? 2 : 1;
  position_ = next;
  *line = Line{};
  line->range = {begin, end};
  line->next = next;
  line->number = ++number_;

  const int64_t first = std::min(SkipSpace(text_.substr(0, static_cast<size_t>(end)), begin), end);
  const std::string_view s = Slice(text_, {first, end});
  const char mark = s.empty() ? 0 : s[0];
  const size_t marks = mark == '`' || mark == '~' ? RunLength(s, mark) : 0;
  if (fence_ != 0) {
    const bool closes = mark == fence_ && static_cast<int64_t>(marks) >= fence_length_ &&
                        SkipSpace(s, static_cast<int64_t>(marks)) == static_cast<int64_t>(s.size());
    if (closes) fence_ = 0;
    line->kind = closes ? LineKind::kFence : s.empty() ? LineKind::kBlank : LineKind::kFenced;
    return true;
  }
  if (s.empty()) {
    line->kind = LineKind::kBlank;
  } else if (marks >= 3 && (mark == '~' || s.find('`', marks) == std::string_view::npos)) {
    fence_ = mark;
    fence_length_ = static_cast<int64_t>(marks);
    line->kind = LineKind::kFence;
  } else if (const size_t level = RunLength(s, '#'); level >= 1 && level <= 6 && IsBlankAfter(s, level)) {
    line->kind = LineKind::kHeading;
    line->heading_level = static_cast<int>(level);
    int64_t text_end = TrimEnd(text_, first, end);
    int64_t closing = text_end;
    while (closing > first && text_[static_cast<size_t>(closing - 1)] == '#') --closing;
    // "## Title ##" has closing marks; "# C#" has not.
    if (closing > first && IsAsciiSpace(text_[static_cast<size_t>(closing - 1)])) text_end = closing;
    const int64_t text_begin = std::min(SkipSpace(text_, first + static_cast<int64_t>(level)), text_end);
    line->heading_text = {text_begin, TrimEnd(text_, text_begin, text_end)};
  } else if (IsRule(s)) {
    line->kind = LineKind::kRule;
  } else if (IsListItem(s)) {
    line->kind = LineKind::kListItem;
  } else if (IsTableRow(s)) {
    line->kind = LineKind::kTableRow;
  }
  return true;
}

}  // namespace precis::text
