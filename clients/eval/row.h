// The result of one question under one method, budget and generator; one line of the rows file.
#pragma once

#include <array>
#include <string>

#include "absl/status/statusor.h"

namespace precis::eval {

// Which questions a metric is averaged over.
enum class Population { kAnswerable, kUnanswerable, kAll };

enum class Metric {
  kExactMatch,
  kF1,
  kContains,
  kLogLikelihood,
  kLikelihood,
  kRefused,
  kFalseAnswer,
  kRetention,
  kEvidence,
  kHitFirst,
  kHit,
  kReciprocalRank,
  kCitationsValid,
  kCitationsGold,
  kSentimentError,
  kMinorityError,
  kFidelity,
  kProtectedKept,
  kRequiredKept,
  kBudgetTokens,
  kBudgetError,
  kFill,
  kProvenance,
  kCacheEqual,
  kContextTokens,
  kPromptTokens,
  kCompletionTokens,
  kCompressMs,
  kCompressCachedMs,
  kPrefillMs,
  kFirstTokenMs,
  kFirstTokenCachedMs,
  kCost,  // made from the tokens and the prices when rows are read; not stored
};
inline constexpr int kMetrics = static_cast<int>(Metric::kCost) + 1;

struct MetricInfo {
  const char* name;  // in rows.jsonl and results.json
  Population population;
  const char* meaning;
};
const MetricInfo& Info(Metric metric);
inline const MetricInfo& Info(int metric) { return Info(static_cast<Metric>(metric)); }

struct Row {
  std::string question, method, budget, generator;
  std::string version;                  // of the method's algorithm: a row of another version is not this one
  std::array<double, kMetrics> values;  // NaN: not measured
  std::string answer, steps, context;   // what was generated; what ran; the context where it is kept
  std::string error;                    // one sentence; then nothing was measured

  Row();
  double& operator[](Metric metric) { return values[static_cast<int>(metric)]; }
  double operator[](Metric metric) const { return values[static_cast<int>(metric)]; }
  std::string Key() const;  // of all that tells it from other rows of a run
};

// One line of JSON, without a line break; what was not measured is left out.
std::string ToJson(const Row& row);
// InvalidArgument: not a row.
absl::StatusOr<Row> ParseRow(const std::string& line);

}  // namespace precis::eval
