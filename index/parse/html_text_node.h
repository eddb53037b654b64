// Where the parts of a text node stand in the page's source.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::index {

// A part of a text node. `literal`: byte for byte; else `decoded` as a whole was read from `raw` as a whole (an entity,
// a line end).
struct TextRun {
  ByteRange decoded;
  ByteRange raw;
  bool literal = true;
};

// The runs of `decoded` (a text node, entities decoded), which cover it in order; places in `raw` (its source) are
// relative to raw's begin. Where the two cannot be followed (the parser moved text out of a table), the last run gives
// the rest the rest.
std::vector<TextRun> AlignTextNode(std::string_view decoded, std::string_view raw);

}  // namespace precis::index
