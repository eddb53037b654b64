// The passages of several searches as one list.
#pragma once

#include "absl/status/statusor.h"
#include "precis/v1/retrieval.pb.h"

namespace precis::services {

// Fuses the results of a batch by reciprocal rank (Cormack et al. 2009, k = 60): `fused` is the sum of 1 / (60 + place)
// over the searches that found a passage, `dense` and `keyword` the best of them. Equal ones in the order of the
// questions. At most `limit` passages. The report is that of the first search; `query_cache_hit` says that all hit.
// Errors: that of the first search that failed, with the number of its question.
absl::StatusOr<v1::SearchResponse> FuseSearches(const v1::SearchBatchResponse& batch, int limit);

}  // namespace precis::services
