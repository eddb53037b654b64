// SegmentScorer over a decoder: what DecoderLanguageModel::ScoreSegments does. Options and errors: precis/engine/
// segment_scorer.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "precis/engine/model_info.h"
#include "precis/engine/segment_scorer.h"
#include "precis/engine/tokenizer.h"
#include "runtime/scheduler.h"

namespace precis::engine {

// All outlive the call.
struct SegmentModel {
  const ModelInfo& info;
  const Tokenizer& tokenizer;
  Scheduler& scheduler;
  std::vector<TokenId> beginning;  // <bos> or nothing

  // What fits one sequence.
  int64_t window() const { return std::min(info.max_tokens, scheduler.max_positions()); }
};

absl::Status CheckSegmentOptions(std::string_view question, const SegmentScoreOptions& options, int64_t layers);

// InfiniRetri (segment_attention.cc).
absl::StatusOr<std::vector<float>> ScoreByAttention(const SegmentModel& model,
                                                    std::span<const std::string_view> segments,
                                                    std::string_view question, const SegmentScoreOptions& options,
                                                    const CallContext& call);

// The rule by which one pass is judged. `weights`: [rows][stride], of the question's tokens, which are the last ones of
// the pass; [first, last) are the columns of its segments, and behind them up to `total` those of the question, the
// last `row_weights->size()` of which have rows. `row_weights` is filled in where it is empty. Returns a score for each
// column of [first, last).
std::vector<double> PhraseScores(std::span<const float> weights, int64_t stride, int64_t first, int64_t last,
                                 int64_t total, int64_t rows, int phrase_tokens, std::vector<double>* row_weights);

// XL3M and LongLLMLingua, whose segments do not meet (segments_apart.cc).
absl::StatusOr<std::vector<float>> ScoreApart(const SegmentModel& model, std::span<const std::string_view> segments,
                                              std::string_view question, const SegmentScoreOptions& options,
                                              const CallContext& call);

}  // namespace precis::engine
