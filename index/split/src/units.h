// Texts to units, not yet counted.
#pragma once

#include <string_view>

#include "src/unit.h"

namespace precis::split {

// No unit is longer, so that a tokenizer never sees a word of megabytes: some need quadratic time for one.
inline constexpr int64_t kMaxUnitBytes = 2000;

UnitList ProseUnits(std::string_view text);
UnitList MarkdownUnits(std::string_view text);
UnitList CodeUnits(std::string_view text);

}  // namespace precis::split
