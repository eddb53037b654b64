// What is embedded and what keyword search sees of a chunk: its bytes, behind the title and the headings that it stands
// under. A passage that says "it takes two arguments" is found by the name of the function that its heading holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace precis::index {

// Changes whenever the same chunk may give another indexed text: part of every version id.
inline constexpr int kIndexedTextVersion = 1;

// The headings, outermost first, joined by " > ", a line break, the chunk. A title or heading that stands in the chunk
// or equals the one before it is not repeated. Where there is none, the chunk alone.
std::string IndexedText(std::string_view title, const std::vector<std::string>& heading_path, std::string_view chunk);

}  // namespace precis::index
