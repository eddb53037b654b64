// What kAuto means for a document.
#pragma once

#include <string_view>

#include "precis/split/splitter.h"

namespace precis::split {

// Markdown and HTML (which the parser turns into Markdown's headings) by section; code and records by line; else prose.
SplitMode ModeFor(std::string_view media_type, std::string_view language);

}  // namespace precis::split
