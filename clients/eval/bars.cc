#include "eval/bars.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace precis::eval {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr char kAuto[] = "auto";
constexpr const char* kBudgets[] = {"4x", "10x"};
constexpr const char* kBaselines[] = {kWhole, kBm25Sentence, kBm25Fill, kRandom, "truncate", "lexical"};

Bar Judge(std::string generator, std::string name, const Interval& measured, double wanted, bool strictly) {
  const auto clears = [&](double value) { return strictly ? value > wanted : value >= wanted; };
  Verdict verdict = Verdict::kFails;
  if (std::isnan(measured.value) || measured.n == 0) {
    verdict = Verdict::kNotMeasured;
  } else if (clears(measured.value)) {
    // Of a few questions a bootstrap knows too little: its interval is too narrow.
    const bool few = measured.n < kFewQuestions && measured.low != measured.high;
    verdict = clears(measured.low) && !few ? Verdict::kHolds : Verdict::kUnclear;
  }
  return {std::move(generator), std::move(name), measured, wanted, strictly, verdict};
}

// The mean of a metric over all rows of a generator that have it; its interval is the value itself, since it must hold
// in every row.
Interval OverAll(const Summary& summary, const std::string& generator, Metric metric) {
  double total = 0;
  int n = 0;
  for (const CellSummary& cell : summary.cells) {
    const Interval& each = cell.metrics[static_cast<int>(metric)];
    if (cell.generator != generator || cell.stratum.kind != "all" || each.n == 0) continue;
    total += each.value * each.n;
    n += each.n;
  }
  if (n == 0) return {kNan, kNan, kNan, 0};
  const double mean = total / n;
  return {mean, mean, mean, n};
}

// How many times sooner than the full context's the first token comes. A ratio of means, without an interval.
Interval Speedup(const Summary& summary, const std::string& generator, const std::string& budget, Metric metric) {
  const Stratum all{"all", ""};
  const CellSummary* none = summary.Find(generator, kNone, "-", all);
  const CellSummary* picked = summary.Find(generator, kAuto, budget, all);
  if (none == nullptr || picked == nullptr) return {kNan, kNan, kNan, 0};
  const double before = none->metrics[static_cast<int>(Metric::kFirstTokenMs)].value;
  const Interval& after = picked->metrics[static_cast<int>(metric)];
  const double ratio = before / after.value;
  return {ratio, ratio, ratio, std::isnan(ratio) ? 0 : after.n};
}

void AddQuality(const Summary& summary, const std::string& generator, Quality quality, std::vector<Bar>* bars) {
  const std::string metric = Info(MetricOf(quality)).name;
  const int q = static_cast<int>(quality);
  for (const char* budget : kBudgets) {
    const CellSummary* cell = summary.Find(generator, kAuto, budget, summary.headline);
    const double wanted = std::string(budget) == "4x" ? 1.0 : 0.9;
    bars->push_back(Judge(generator, absl::StrCat("auto at ", budget, " against the full context, ", metric),
                          cell == nullptr ? Interval{kNan, kNan, kNan, 0} : cell->normalized[q], wanted, false));
  }
  for (const char* budget : kBudgets) {
    for (const char* baseline : kBaselines) {
      Interval difference{kNan, kNan, kNan, 0};
      for (const PairSummary& pair : summary.pairs) {
        if (pair.generator == generator && pair.budget == budget && pair.b == baseline &&
            pair.stratum == summary.headline) {
          difference = pair.difference[q];
        }
      }
      bars->push_back(
          Judge(generator, absl::StrCat("auto - ", baseline, " at ", budget, ", ", metric), difference, 0, true));
    }
  }
}

}  // namespace

const char* Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "holds";
    case Verdict::kUnclear:
      return "unclear";
    case Verdict::kFails:
      return "FAILS";
    case Verdict::kNotMeasured:
      break;
  }
  return "not measured";
}

std::vector<Bar> JudgeBars(const Summary& summary, const Settings& settings,
                           const std::vector<std::string>& generators) {
  std::vector<Bar> bars;
  for (const std::string& generator : generators) {
    AddQuality(summary, generator, Quality::kLogLikelihood, &bars);
    if (summary.generated) AddQuality(summary, generator, Quality::kF1, &bars);
    Interval error = OverAll(summary, generator, Metric::kBudgetError);
    // At least 0 exactly when no row has an error; a subtraction, since -0 prints a sign.
    error = {0 - error.value, 0 - error.low, 0 - error.high, error.n};
    bars.push_back(Judge(generator, "tokens beyond the budget, negated, all rows", error, 0, false));
    const auto add = [&](const char* name, Metric metric) {
      bars.push_back(Judge(generator, name, OverAll(summary, generator, metric), 1, false));
    };
    add("provenance holds, all rows", Metric::kProvenance);
    add("the cache gives the same context, all rows", Metric::kCacheEqual);
    if (!settings.protect.empty()) add("protected tokens kept, all rows", Metric::kRequiredKept);
    for (const char* budget : kBudgets) {
      bars.push_back(Judge(generator, absl::StrCat("first token sooner than with the full context, auto at ", budget),
                           Speedup(summary, generator, budget, Metric::kFirstTokenMs), 1, false));
    }
    const CellSummary* none = summary.Find(generator, kNone, "-", {"all", ""});
    const double context = none == nullptr ? kNan : none->metrics[static_cast<int>(Metric::kContextTokens)].value;
    if (context >= 3000 && context <= 5000) {
      bars.push_back(Judge(generator, "first token 2.5x sooner, cold, auto at 4x",
                           Speedup(summary, generator, "4x", Metric::kFirstTokenMs), 2.5, false));
      bars.push_back(Judge(generator, "first token 10x sooner, context from the cache, auto at 10x",
                           Speedup(summary, generator, "10x", Metric::kFirstTokenCachedMs), 10, false));
    }
  }
  return bars;
}

}  // namespace precis::eval
