#include "src/units.h"

#include <algorithm>
#include <utility>

#include "precis/base/utf8.h"
#include "precis/text/lines.h"
#include "precis/text/sentences.h"

namespace precis::split {
namespace {

using text::Line;
using text::LineKind;
using text::LineScanner;

bool HasBlankLine(std::string_view gap) { return std::count(gap.begin(), gap.end(), '\n') >= 2; }

bool IsIndented(std::string_view line) { return !line.empty() && (line[0] == ' ' || line[0] == '\t'); }

// "}", ")", "]", "end", "else": such a line belongs to what stands above it.
bool ClosesABlock(std::string_view line) {
  return line.empty() || line[0] == '}' || line[0] == ')' || line[0] == ']' || line.substr(0, 3) == "end" ||
         line.substr(0, 4) == "else" || line.substr(0, 4) == "elif" || line.substr(0, 6) == "except" || line[0] == '{';
}

// A whole underline of the heading above: "====" or "----".
bool IsUnderline(std::string_view line) {
  const size_t end = line.find_last_not_of(" \t");
  if (end == std::string_view::npos || (line[0] != '=' && line[0] != '-')) return false;
  return line.substr(0, end + 1).find_first_not_of(line[0]) == std::string_view::npos;
}

// The headings and kept-together blocks of a Markdown text, in order.
class MarkdownOutline {
 public:
  struct Mark {
    int64_t begin = 0;  // of the line
    int64_t next = 0;
    int level = 0;  // > 0: a heading of this text
    ByteRange title;
    int block = -1;
    bool starts_block = false;
  };

  explicit MarkdownOutline(std::string_view text) : text_(text) {
    LineScanner scanner(text);
    Line line, previous;
    previous.kind = LineKind::kBlank;
    LineKind before_previous = LineKind::kBlank;
    while (scanner.Next(&line)) {
      Add(line, previous, before_previous);
      before_previous = previous.kind;
      previous = line;
    }
  }

  const std::vector<Mark>& marks() const { return marks_; }

 private:
  void Add(const Line& line, const Line& previous, LineKind before_previous) {
    Mark mark = {line.range.begin, line.next, 0, {}, -1, true};
    switch (line.kind) {
      case LineKind::kHeading:
        mark.level = line.heading_level;
        mark.title = line.heading_text;
        break;
      case LineKind::kRule:
        if (previous.kind == LineKind::kText && before_previous == LineKind::kBlank &&
            IsUnderline(Slice(text_, line.range))) {
          Mark& title = marks_.back();
          title.level = text_[static_cast<size_t>(line.range.begin)] == '=' ? 1 : 2;
          title.title = previous.range;
          mark.starts_block = false;
        }
        break;
      case LineKind::kFence:
        if (!in_fence_) ++block_;
        mark.block = block_;
        mark.starts_block = !in_fence_;
        in_fence_ = !in_fence_;
        break;
      case LineKind::kFenced:
        mark.block = block_;
        mark.starts_block = false;
        break;
      case LineKind::kTableRow:
        mark.starts_block = previous.kind != LineKind::kTableRow;
        if (mark.starts_block) ++block_;
        mark.block = block_;
        break;
      case LineKind::kText:
        mark.starts_block = previous.kind != LineKind::kText && previous.kind != LineKind::kListItem;
        break;
      case LineKind::kListItem:
      case LineKind::kBlank:
        break;
    }
    marks_.push_back(mark);
  }

  std::string_view text_;
  std::vector<Mark> marks_;
  int block_ = -1;
  bool in_fence_ = false;
};

// Cuts [begin, end) to at most kMaxUnitBytes, at white space where there is some, and appends the parts.
void AppendLineParts(std::string_view text, Unit unit, std::vector<Unit>* units) {
  bool first = true;
  while (unit.range.size() > kMaxUnitBytes) {
    const std::string_view window = text.substr(static_cast<size_t>(unit.range.begin), kMaxUnitBytes);
    const size_t space = window.find_last_of(" \t");
    int64_t cut =
        space == std::string_view::npos || space == 0
            ? static_cast<int64_t>(FloorToCharBoundary(text, static_cast<size_t>(unit.range.begin + kMaxUnitBytes)))
            : unit.range.begin + static_cast<int64_t>(space) + 1;
    Unit part = unit;
    part.range.end = cut;
    part.whole = false;
    if (!first) part.border = Border::kInside;
    units->push_back(part);
    unit.range.begin = cut;
    first = false;
  }
  if (!first) {
    unit.whole = false;
    unit.border = Border::kInside;
  }
  units->push_back(unit);
}

}  // namespace

UnitList ProseUnits(std::string_view text) {
  UnitList list;
  list.paths.emplace_back();
  int64_t previous_end = 0;
  for (const ByteRange& sentence : text::SplitSentences(text, kMaxUnitBytes)) {
    Unit unit;
    unit.range = sentence;
    if (HasBlankLine(Slice(text, {previous_end, sentence.begin}))) unit.border = Border::kBlock;
    list.units.push_back(unit);
    previous_end = sentence.end;
  }
  return list;
}

UnitList MarkdownUnits(std::string_view text) {
  UnitList list;
  list.paths.emplace_back();
  const MarkdownOutline outline(text);
  std::vector<std::pair<int, std::string>> headings;  // open ones: level, title
  size_t next_mark = 0;
  const MarkdownOutline::Mark* mark = nullptr;
  for (const ByteRange& sentence : text::SplitSentences(text, kMaxUnitBytes)) {
    Unit unit;
    unit.range = sentence;
    bool begins_line = false;
    while (next_mark < outline.marks().size() && outline.marks()[next_mark].begin <= sentence.begin) {
      mark = &outline.marks()[next_mark++];
      begins_line = true;
      if (mark->level == 0) continue;
      while (!headings.empty() && headings.back().first >= mark->level) headings.pop_back();
      headings.emplace_back(mark->level, std::string(Slice(text, mark->title)));
      std::vector<std::string> path;
      for (const auto& [level, title] : headings) path.push_back(title);
      list.paths.push_back(std::move(path));
    }
    if (mark != nullptr) {
      unit.block = mark->block;
      unit.heading = mark->level > 0;
      if (begins_line && unit.heading) {
        unit.border = Border::kSection;
      } else if (begins_line && mark->starts_block) {
        unit.border = Border::kBlock;
      }
    }
    unit.path = static_cast<int>(list.paths.size()) - 1;
    list.units.push_back(unit);
  }
  return list;
}

UnitList CodeUnits(std::string_view text) {
  UnitList list;
  list.paths.emplace_back();
  // Only the lines' ends matter here; what Markdown makes of them does not.
  LineScanner scanner(text);
  Line line;
  bool after_blank = true;
  while (scanner.Next(&line)) {
    const std::string_view content = Slice(text, line.range);
    const size_t last = content.find_last_not_of(" \t\f\v");
    if (last == std::string_view::npos) {
      after_blank = true;
      continue;
    }
    Unit unit;
    unit.range = {line.range.begin, line.range.begin + static_cast<int64_t>(last) + 1};
    if (!IsIndented(content) && !ClosesABlock(content)) {
      unit.border = after_blank ? Border::kSection : Border::kBlock;
    } else if (after_blank) {
      unit.border = Border::kBlock;
    }
    AppendLineParts(text, unit, &list.units);
    after_blank = false;
  }
  return list;
}

}  // namespace precis::split
