// Maximal marginal relevance (Carbonell and Goldstein 1998): what is relevant and unlike what is chosen already.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"

namespace precis::compress {

struct MmrItem {
  double relevance = 0;                        // [0, 1]
  const std::vector<float>* vector = nullptr;  // L2 norm 1; all of one size
  int64_t cost = 0;                            // estimated tokens
  int group = 0;                               // items of a group share an entry cost
};

struct MmrOptions {
  double lambda = 0.7;               // weight of relevance; 1 - lambda of the likeness to the most alike chosen one
  int64_t budget = 0;                // of estimated tokens, entry costs included
  std::vector<int64_t> entry_costs;  // by group, paid with the group's first item
  std::vector<bool> entered;         // by group: paid already
};

struct MmrOrder {
  std::vector<int> chosen;  // in the order of choice; their costs fit the budget
  std::vector<int> rest;    // all others, best first by the same measure after the last choice
};

// Ties go to the smaller index. Errors: Cancelled, DeadlineExceeded.
absl::StatusOr<MmrOrder> OrderByMmr(const std::vector<MmrItem>& items, const MmrOptions& options,
                                    const CallContext& call);

}  // namespace precis::compress
