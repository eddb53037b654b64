// Where in the original file a cited sentence of a passage is.
#pragma once

#include "precis/base/byte_range.h"
#include "precis/v1/common.pb.h"

namespace precis::services {

// The passage's own location, narrowed to the lines and bytes of `source` (a range of its text) where the text stands
// in the original line for line and byte for byte; where it does not (HTML, PDF) the passage's location as it is.
v1::SourceLocation LocationInPassage(const v1::Passage& passage, const ByteRange& source);

}  // namespace precis::services
