// Contexts that the harness lays out itself, in the layout of the server's: "[n] " before each passage of which
// something is kept, an empty line between passages, one space where words of a passage were left out.
#pragma once

#include <string>
#include <vector>

#include "eval/backend.h"
#include "precis/base/byte_range.h"

namespace precis::eval {

// A word of a passage.
struct Word {
  int passage;  // index into the candidates
  int64_t begin, end;
};

// Words are what white space parts; in the order of the passages.
std::vector<Word> WordsOf(const std::vector<Passage>& passages);

// The context of the words that are kept (`kept` is parallel to `words`), in order. Words that follow each other in
// their passage keep the white space between them.
Context LayOut(const std::vector<Passage>& passages, const std::vector<Word>& words, const std::vector<bool>& kept);

// Every passage whole, surrounding white space apart.
Context LayOutWhole(const std::vector<Passage>& passages);

}  // namespace precis::eval
