// Sentences of prose, as byte ranges.
#pragma once

#include <string_view>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::text {

// The sentences of `text` in order. Ranges begin and end at characters, hold no surrounding white space, do not overlap
// and leave out only white space. A blank line, a Markdown heading, a list item, a table row and a fenced code block's
// line each end a sentence; abbreviations, decimal numbers, initials, file names and URLs do not. A sentence longer
// than `max_bytes` is cut at white space, or between characters where there is none. Any bytes are accepted (invalid
// UTF-8 counts as one character a byte); linear time.
std::vector<ByteRange> SplitSentences(std::string_view text, int64_t max_bytes = 2000);

}  // namespace precis::text
