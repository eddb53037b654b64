// A draft as the text that the model reads, with the span of every byte.
//
//   [1] source line\n text ... omission mark ... text  separator  [2] ...
//
// Where a line of the passage ends between two kept pieces, the omission mark ends the line too: "\n" for " ".
//
// Passages are data. Where one spells a string that the layout gives a meaning, a backslash is put in, as a delimiter
// span of its own, so that what is around it stays verbatim:
//   - a mark "[7]" where marks stand (at the start of a line or of a piece; after any white space when the
//     separator has no line break) becomes "\[7]"; an index or a reference within a line, "a[0]", is left alone;
//   - a reserved string of the caller's, "</context>", becomes "<\/context>".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "draft.h"

namespace precis::compress {

// Changes whenever equal drafts may be laid out otherwise; part of the cache key.
inline constexpr int kLayoutVersion = 2;

struct Layout {
  std::string text;
  std::vector<Span> spans;  // cover `text` in order, none empty, neighbours of one kind and source joined
  // Of each span: the flat index of its piece (-1: delimiter of a block, separator) and where it begins in its text.
  std::vector<int> pieces;
  std::vector<int64_t> piece_offsets;
};

Layout Assemble(const Draft& draft, const ContextFormat& format);

// The line that names a passage: "Title (uri) > Heading > Heading"; on one line, at most 512 bytes.
std::string SourceLine(const Passage& passage);

}  // namespace precis::compress
