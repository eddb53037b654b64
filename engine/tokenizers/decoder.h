// Token ids back to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace precis::engine {

// WordPiece's " don't" instead of " do n't", and no space before punctuation; works on one token's text.
std::string CleanUpWordPiece(std::string text);

// Every `from` in `text` by `to`.
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

// How the pieces of the tokens become a text.
struct Decoding {
  // What goes from the front of the text.
  enum class Front {
    kKeep,
    kOneSpace,       // one space
    kSpacesOfFirst,  // every space of the first token that stands for a word boundary
  };
  Front front = Front::kKeep;
  // What each id appends within a text.
  std::vector<std::string> pieces;
  // What it appends as the first of a text, where that differs for reasons other than `front` (WordPiece); else empty.
  std::vector<std::string> first_pieces;
};

}  // namespace precis::engine
