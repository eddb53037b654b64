// How much each of several segments of text matters to a question. The methods that score by attention (InfiniRetri),
// by entropy (XL3M) and by question likelihood (LongLLMLingua) all have this shape.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"

namespace precis::engine {

// Thread-safe.
class SegmentScorer {
 public:
  virtual ~SegmentScorer() = default;

  // One score a segment, in order; higher means more relevant. Scores of one call compare with each other only.
  [[nodiscard]] virtual absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                                         std::string_view question,
                                                                         const CallContext& call) = 0;
};

}  // namespace precis::engine
