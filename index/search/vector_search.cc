#include "search/vector_search.h"

#include <algorithm>
#include <array>

#include "precis/base/status_macros.h"
#include "search/distance.h"

namespace precis::index {

QueryVector::QueryVector(const std::vector<float>& values, size_t stride) : storage_(stride + kLane, 0.0f) {
  // The allocator aligns to 16 bytes only.
  const auto address = reinterpret_cast<uintptr_t>(storage_.data());
  data_ = storage_.data() + ((64 - address % 64) % 64) / sizeof(float);
  std::copy(values.begin(), values.end(), data_);
}

void Similarities(Metric metric, const float* query, const float* rows, size_t stride, size_t count, float* out) {
  if (metric == Metric::kL2) {
    NegativeL2Rows(query, rows, stride, count, out);
  } else {
    DotRows(query, rows, stride, count, out);
  }
}

absl::Status ExactSearch(Metric metric, const QueryVector& query, const Selection& selection, uint32_t first,
                         const CallContext& call, TopK* best) {
  const SlotView& view = selection.view();
  std::array<float, kBlockSlots> scores;
  for (uint32_t begin = first; begin < view.size();) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    const uint32_t end = std::min(view.size(), (begin / kBlockSlots + 1) * kBlockSlots);
    // Runs of admitted slots: whole blocks at once without a filter, few rows with a selective one.
    while (begin < end) {
      if (!selection.Contains(begin)) {
        ++begin;
        continue;
      }
      uint32_t run = begin + 1;
      while (run < end && selection.Contains(run)) ++run;
      Similarities(metric, query.data(), view.vector(begin), view.stride(), run - begin, scores.data());
      for (uint32_t slot = begin; slot < run; ++slot) {
        const double score = scores[slot - begin];
        if (!best->full() || score >= best->worst()) best->Add({score, slot});
      }
      begin = run;
    }
  }
  return absl::OkStatus();
}

}  // namespace precis::index
