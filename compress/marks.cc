#include "marks.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace precis::compress {
namespace {

bool IsBlankChar(char c) { return c == ' ' || c == '\t'; }

// The mark at text[at] == '['; false when there is none.
bool ParseMark(std::string_view text, size_t at, AnswerMark* mark) {
  mark->numbers.clear();
  size_t i = at + 1;
  for (;;) {
    while (i < text.size() && IsBlankChar(text[i])) ++i;
    int number = 0;
    const size_t digits = i;
    while (i < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[i])) && i - digits < 6) {
      number = number * 10 + (text[i++] - '0');
    }
    if (i == digits) return false;
    mark->numbers.push_back(number);
    while (i < text.size() && IsBlankChar(text[i])) ++i;
    if (i < text.size() && (text[i] == ',' || text[i] == ';')) {
      ++i;
      continue;
    }
    if (i >= text.size() || text[i] != ']') return false;
    mark->range = {static_cast<int64_t>(at), static_cast<int64_t>(i + 1)};
    return true;
  }
}

}  // namespace

std::vector<AnswerMark> FindMarks(std::string_view text) {
  std::vector<AnswerMark> marks;
  for (size_t i = 0; i < text.size();) {
    AnswerMark mark;
    // After a word without a space it is an index: "a[0]". After the end of a sentence or a bracket it is a mark.
    const bool index = i > 0 && (absl::ascii_isalnum(static_cast<unsigned char>(text[i - 1])) || text[i - 1] == '_');
    if (text[i] == '[' && ParseMark(text, i, &mark) && !(index && mark.numbers.size() == 1 && mark.numbers[0] == 0)) {
      i = static_cast<size_t>(mark.range.end);
      marks.push_back(std::move(mark));
    } else {
      ++i;
    }
  }
  return marks;
}

std::string BlankMarks(std::string_view text) {
  std::string blank(text);
  for (const AnswerMark& mark : FindMarks(text)) {
    std::fill(blank.begin() + mark.range.begin, blank.begin() + mark.range.end, ' ');
  }
  return blank;
}

bool OnlyMarks(std::string_view text) {
  std::string rest = BlankMarks(text);
  // A mark that is still being written.
  const size_t open = rest.rfind('[');
  if (open != std::string::npos && rest.find(']', open) == std::string::npos &&
      std::none_of(rest.begin() + static_cast<std::ptrdiff_t>(open), rest.end(),
                   [](char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); })) {
    rest.resize(open);
  }
  return std::none_of(rest.begin(), rest.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
}

int64_t LeadingMarks(std::string_view text) {
  int64_t end = 0;
  for (const AnswerMark& mark : FindMarks(text)) {
    const std::string_view gap = Slice(text, {end, mark.range.begin});
    if (!std::all_of(gap.begin(), gap.end(), IsBlankChar)) break;
    end = mark.range.end;
  }
  return end;
}

}  // namespace precis::compress
