// Messages of generation.proto <-> the engine's types.
#pragma once

#include "absl/status/statusor.h"
#include "precis/engine/generator.h"
#include "precis/engine/segment_scorer.h"
#include "precis/v1/generation.pb.h"

namespace precis::services {

// Errors: InvalidArgument (no input, a role that is not given, a value out of bounds). `max_tokens` stays 0 where the
// request leaves it open.
absl::StatusOr<std::vector<engine::ChatMessage>> FromProto(const v1::Chat& chat);
absl::StatusOr<engine::GenerateRequest> FromProto(const v1::GenerateRequest& request);

v1::FinishReason ToProto(engine::FinishReason reason);

// Of one ScoreSegments call.
inline constexpr int kMaxSegments = 10'000;
inline constexpr int64_t kMaxSegmentBytes = 3 << 20;

// Errors: InvalidArgument (no question, no segments or too many of them, no method, an option out of bounds).
absl::StatusOr<engine::SegmentScoreOptions> FromProto(const v1::ScoreSegmentsRequest& request);
// Method and options; the rest is left as it is.
void ToProto(const engine::SegmentScoreOptions& options, v1::ScoreSegmentsRequest* request);

}  // namespace precis::services
