// Where each byte of a text node stands in the page's source.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::index {

// For each byte of `decoded` (a text node, entities decoded) the bytes of `raw` (its source) that it was read from,
// relative to raw's begin. All bytes of one entity's characters get the whole entity. Where the two cannot be followed
// (the parser moved text out of a table), the rest gets the rest of `raw`.
std::vector<ByteRange> AlignTextNode(std::string_view decoded, std::string_view raw);

}  // namespace precis::index
