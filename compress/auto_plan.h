// What "auto" does: by rule, from the budget, the query, the time left and the models that are loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "precis/compress/compressor.h"

namespace precis::compress {

struct AutoInput {
  int64_t tokens_in = 0;
  int64_t budget = 0;
  bool has_query = false;
  absl::Duration left = absl::InfiniteDuration();  // until the deadline
  const Resources& resources;
};

struct AutoPlan {
  std::vector<Step> steps;  // at least one; each but the last has twice the budget of the one after it
  std::string reason;       // one sentence
  bool hurried = false;     // the deadline decided: a call with more time may give another context
};

AutoPlan PlanAuto(const AutoInput& input);

}  // namespace precis::compress
