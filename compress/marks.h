// Citation marks in an answer: "[2]", "[1, 3]".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::compress {

struct AnswerMark {
  ByteRange range;
  std::vector<int> numbers;
};

// In order. Numbers of more than six digits are no marks.
std::vector<AnswerMark> FindMarks(std::string_view text);

// The text with every mark replaced by spaces, byte for byte.
std::string BlankMarks(std::string_view text);

// True when the text holds nothing but marks, what may become one ("[1"), and punctuation.
bool OnlyMarks(std::string_view text);

// Length of the marks, with the spaces before and between them, that `text` begins with.
int64_t LeadingMarks(std::string_view text);

}  // namespace precis::compress
