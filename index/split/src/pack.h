// Counted units to pieces.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/split/splitter.h"
#include "src/unit.h"

namespace precis::split {

// Fills pieces in order; each ends at the best border in its last third, is counted as a whole, and shrinks until it
// fits. Requires units as CountAndCut leaves them.
absl::StatusOr<std::vector<Piece>> Pack(std::string_view text, const UnitList& list, const SplitOptions& options,
                                        const CallContext& call);

}  // namespace precis::split
