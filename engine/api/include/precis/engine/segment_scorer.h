// How much each of several segments of text matters to a question. The methods that score by attention (InfiniRetri,
// arXiv 2502.12962), by entropy (XL3M, arXiv 2405.17755) and by question likelihood (LongLLMLingua, arXiv 2310.06839)
// all have this shape.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"

namespace precis::engine {

enum class SegmentScoring {
  // InfiniRetri: segments are read in passes; in each, the tokens that the question's tokens attend to most decide
  // which
  // segments are carried on into the next pass. A segment's score is that of its best token over the best of the pass
  // in which it was read last, and 1 more where it was carried to the end: the order is that in which the published
  // rule would keep segments as it is allowed more tokens.
  kAttention,
  // XL3M: minus the entropy, in nats, of what follows segment and question. Segments are read apart from each other.
  kEntropy,
  // LongLLMLingua: the mean log-probability of the question's tokens after the segment. Read apart from each other.
  kQuestionLikelihood,
};

struct SegmentScoreOptions {
  SegmentScoring scoring = SegmentScoring::kAttention;

  // Of kAttention; the defaults are those of the published code but for the layer, where -1 is the published one.
  int64_t window_tokens = 1024;  // of segments that are new in a pass; >= 1
  int64_t top_tokens = 300;      // whose segments are carried on; >= 1
  int phrase_tokens = 8;         // a token counts with its neighbours, this many in all; 1 to 64
  // Whose attention counts: 0 is the first, -1 the last, -2 the one before. Layers behind it are not computed.
  int layer = -1;

  // Of kEntropy: the mean over what follows each of this many last tokens of the question; 1 as published; 0: all.
  int entropy_tokens = 1;

  // Of kQuestionLikelihood: as the published code has it, the question directly behind the segment and followed by a
  // sentence that says that it can be answered; else on a line of its own, alone.
  bool published = false;
};

// Thread-safe. Deterministic.
class SegmentScorer {
 public:
  virtual ~SegmentScorer() = default;

  // One score a segment, in order; higher means more relevant. Scores of one call compare with each other only, but for
  // kEntropy and kQuestionLikelihood, where a segment's score does not depend on the others. Segments are read as they
  // are, one directly behind the other: give them with the white space that follows them. Errors: InvalidArgument (no
  // question, options out of their bounds), FailedPrecondition (a segment with the question is longer than the window;
  // with its index and both numbers), ResourceExhausted, Cancelled, DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                                         std::string_view question,
                                                                         const SegmentScoreOptions& options,
                                                                         const CallContext& call) = 0;
};

}  // namespace precis::engine
