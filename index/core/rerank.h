// The last step of a search that asks for it: its candidates in the order of a reranker.
#pragma once

#include "absl/status/status.h"
#include "precis/base/call_context.h"
#include "precis/index/types.h"

namespace precis::index {

// How many passages the search before it has to find.
int RerankCandidates(const SearchRequest& request);

// Orders result->passages, which have their texts, and keeps request.top_k of them; fills in the report. Where the
// reranker fails the order stays, and the report says why. Errors: Cancelled, DeadlineExceeded.
absl::Status Rerank(const SearchRequest& request, const CallContext& call, SearchResult* result);

}  // namespace precis::index
