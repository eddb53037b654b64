// Where a text can be cut before it is merged, for models that know no words.
#pragma once

#include <memory>
#include <string_view>

#include "tokenizers/pretokenize.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581, SentencePiece's space

// Cuts between two neighbouring characters that no token of `vocabulary` holds next to each other: merges only make
// tokens and so never cross such a place, and each part gives the same tokens on its own. Characters other than ASCII
// and U+2581 are told apart by one byte, which errs towards fewer cuts, and one of the two must be an ASCII character
// or U+2581 with a token of its own, since unknown characters may belong together. Not for models that drop unknown
// characters before they merge or merge the unknown token.
std::unique_ptr<PreTokenizer> MakeMergeBorderCut(const Vocabulary& vocabulary);

}  // namespace precis::engine
