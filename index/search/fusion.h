// From two ranked lists to one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/index/types.h"
#include "search/slot_table.h"
#include "search/top_k.h"

namespace precis::index {

// A chunk with its places in the lists; ranks count from 1, 0: not in the list.
struct Ranked {
  uint32_t slot = 0;
  double fused = 0;
  std::optional<double> dense, keyword;
  int dense_rank = 0, keyword_rank = 0;
};

// Reciprocal rank fusion (Cormack et al., SIGIR 2009): sum over the lists of 1 / (60 + rank). With one list (the other
// is null) its own scores are kept. Best first; equal scores by document id and ordinal.
std::vector<Ranked> Fuse(const SlotView& view, const std::vector<Candidate>* dense,
                         const std::vector<Candidate>* keyword);

// Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): picks k one by one by
// lambda * relevance - (1 - lambda) * (greatest similarity to those picked), relevance being the fused score scaled to
// [0, 1] over the candidates and similarity the inner product of the vectors. Cancelled, DeadlineExceeded.
absl::StatusOr<std::vector<Ranked>> Diversify(const SlotView& view, Metric metric, std::vector<Ranked> candidates,
                                              size_t k, double lambda, const CallContext& call);

}  // namespace precis::index
