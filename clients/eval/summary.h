// Rows to means with intervals, by generator, method, budget and stratum. A pure function of the rows.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "eval/question_set.h"
#include "eval/row.h"
#include "eval/settings.h"
#include "eval/statistics.h"

namespace precis::eval {

// Part of the questions. "all"; "overlap" low, middle, high; "corpus" NAME; "group" NAME, where there
// are at most 12.
struct Stratum {
  std::string kind, value;
  bool operator==(const Stratum&) const = default;
};

// A quality that is measured against closed book and full context.
enum class Quality { kLogLikelihood, kLikelihood, kF1, kContains };
inline constexpr int kQualities = 4;
Metric MetricOf(Quality quality);

struct CellSummary {
  std::string generator, method, budget;
  Stratum stratum;
  int questions = 0;  // with a row
  int failed = 0;     // rows with an error
  int exhausted = 0;  // rows whose budget holds the full context, so that nothing had to be compressed
  std::array<Interval, kMetrics> metrics;
  // (method - closed book) / (full context - closed book), of sums over the questions that the full context answers and
  // the closed book does not (kHelps); n is how many.
  std::array<Interval, kQualities> normalized;
};

// A difference of two methods at equal tokens over the questions that both have, paired.
struct PairSummary {
  std::string generator, budget, a, b;
  Stratum stratum;
  std::array<Interval, kQualities> difference;  // mean of a - b
};

// A square of a needle's heat map.
struct NeedleSquare {
  std::string generator, method, budget;
  int64_t length, depth;
  int questions;
  double retention, likelihood, contains;  // means, NaN where not measured
};

struct Summary {
  std::vector<Stratum> strata;  // that have questions; "all" first
  Stratum headline;             // low overlap where there is one, else all
  std::vector<CellSummary> cells;
  std::vector<PairSummary> pairs;  // auto against each other method, if auto ran
  std::vector<NeedleSquare> needles;
  bool generated = false;

  const CellSummary* Find(const std::string& generator, const std::string& method, const std::string& budget,
                          const Stratum& stratum) const;
};

// The full context answers a question by likelihood where it makes a token of the gold answer likelier than the closed
// book by this many nats, e times; by F1 and containment where the answer generated from it has a gold answer in it,
// and the closed book's has not. A likelihood by itself says nothing: a small model spreads it over many ways to go on.
inline constexpr double kHelps = 1.0;

// `questions`: those of the run; rows of others, of other methods, budgets or generators than the settings' are left
// out, and a question counts for a cell where its row has no error. Clusters of the bootstrap are the questions that
// share their first gold document; one without is its own.
Summary Summarize(const QuestionSet& set, const std::vector<int>& questions, const Settings& settings,
                  const std::vector<std::string>& generators, const std::vector<Row>& rows, int resamples = 1000);

}  // namespace precis::eval
