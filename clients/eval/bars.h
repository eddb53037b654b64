// The bars that compression has to clear, judged on the headline stratum.
#pragma once

#include <string>
#include <vector>

#include "eval/summary.h"

namespace precis::eval {

inline constexpr int kFewQuestions = 10;

enum class Verdict {
  kHolds,        // the whole interval clears the bar
  kUnclear,      // the measured value clears it, its interval reaches below or is of fewer than kFewQuestions
  kFails,        // the measured value does not
  kNotMeasured,  // the run has no rows for it
};
const char* Name(Verdict verdict);

struct Bar {
  std::string generator, name;
  Interval measured;
  double wanted;
  bool strictly;  // above, not at least
  Verdict verdict;
};

// auto at 4x and 10x against the full context and against every baseline at equal tokens; budgets, provenance,
// protected tokens and the cache in all rows; the time to the first token beside the full context's, where contexts
// have 3,000 to 5,000 tokens also against the multiples that were promised for them.
std::vector<Bar> JudgeBars(const Summary& summary, const Settings& settings,
                           const std::vector<std::string>& generators);

}  // namespace precis::eval
