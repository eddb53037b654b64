// One summary of several passages, written by a generator and checked by rule against what it was made from.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "methods/method.h"
#include "methods/summary_support.h"

namespace precis::compress {

struct ClusterSummary {
  std::vector<SummarySentence> sentences;  // may be empty: nothing that was written is supported
  int passages_read = 0;                   // as many of `passages` as had room in the prompt
  int unsupported = 0;                     // sentences left out for a number or name that no passage has
  bool from_cache = false;
};

// `blocks` of input.table's draft, those to be read first first. Cached as WriteSummary does. Errors: the generator's.
absl::StatusOr<ClusterSummary> SummariseCluster(const MethodInput& input, const std::vector<int>& blocks,
                                                int64_t summary_tokens);

}  // namespace precis::compress
