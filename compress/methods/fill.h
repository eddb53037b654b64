// Fills a budget with units in an order of preference, exactly.
#pragma once

#include <vector>

#include "methods/method.h"

namespace precis::compress {

struct FillResult {
  std::vector<Unit> units;  // the required ones, then what was added
  std::vector<int> added;   // indices into `order`
  int cut = -1;             // index into `order` of a unit of which only the beginning was added; -1: none
  int64_t tokens = 0;       // exact
};

// Adds units as long as they fit: first the longest beginning of order[0, sure) that fits (sure: by the estimates they
// all do), then single units from the rest, best first, the smaller ones where a larger one does not fit any more. If
// that leaves more than a twentieth of the budget empty, the best unit that was left out is cut at a clause or word.
// Nothing added although there is no required unit: not even a word fits. Errors: as Fitter.
absl::StatusOr<FillResult> FillBudget(const MethodInput& input, const std::vector<Unit>& order, size_t sure);

}  // namespace precis::compress
