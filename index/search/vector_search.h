// The nearest vectors: exactly, or through a graph.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/index/types.h"
#include "search/selection.h"
#include "search/slot_table.h"
#include "search/top_k.h"

namespace precis::index {

// A query vector, padded and aligned as the rows are.
class QueryVector {
 public:
  QueryVector(const std::vector<float>& values, size_t stride);
  const float* data() const { return data_; }

 private:
  std::vector<float> storage_;
  float* data_;
};

// Cosine vectors are stored with length 1, so that their similarity is the inner product.
void Similarities(Metric metric, const float* query, const float* rows, size_t stride, size_t count, float* out);

// Compares every vector of the selection in slots [first, view.size()). Cancelled, DeadlineExceeded.
absl::Status ExactSearch(Metric metric, const QueryVector& query, const Selection& selection, uint32_t first,
                         const CallContext& call, TopK* best);

}  // namespace precis::index
