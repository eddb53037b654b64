// The lines of a text and what Markdown makes of each: what sentence and chunk borders are told from.
#pragma once

#include <cstdint>
#include <string_view>

#include "precis/base/byte_range.h"

namespace precis::text {

enum class LineKind {
  kBlank,
  kText,
  kHeading,   // "## Title"
  kListItem,  // "- ", "* ", "+ ", "1. ", "1) "
  kTableRow,  // begins with "|" or holds " | "
  kRule,      // "---", "***", "===": a rule, or the underline of the heading above
  kFence,     // "```" or "~~~", opening or closing
  kFenced,    // between fences
};

struct Line {
  ByteRange range;     // without its line end
  int64_t next = 0;    // where the next line begins
  int64_t number = 0;  // from 1
  LineKind kind = LineKind::kText;
  int heading_level = 0;   // 1 to 6 for kHeading
  ByteRange heading_text;  // for kHeading: without "#" marks and white space
};

// Goes through the lines of a text, which must outlive it. "\n", "\r\n" and a lone "\r" end a line. Linear time.
class LineScanner {
 public:
  explicit LineScanner(std::string_view text) : text_(text) {}

  // False at the end of the text.
  bool Next(Line* line);

 private:
  std::string_view text_;
  int64_t position_ = 0;
  int64_t number_ = 0;
  char fence_ = 0;  // the mark of the open fence; 0: none
  int64_t fence_length_ = 0;
};

}  // namespace precis::text
