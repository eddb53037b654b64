#include "eval/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace precis::eval {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr Quality kAllQualities[kQualities] = {Quality::kLogLikelihood, Quality::kLikelihood, Quality::kF1,
                                               Quality::kContains};

using CellKey = std::tuple<std::string, std::string, std::string>;  // generator, method, budget

constexpr size_t kMaxGroups = 12;  // more would be a table of single questions

// Rows by cell and question of the run.
using Rows = std::map<CellKey, std::vector<const Row*>>;

bool Counts(Population population, const Question& question) {
  return population == Population::kAll || (population == Population::kAnswerable) == question.answerable;
}

// Sums of the weighted values of one metric.
struct Sum {
  double weight = 0, total = 0;
  void Add(double w, double value) {
    if (std::isnan(value)) return;
    weight += w;
    total += w * value;
  }
  double Mean() const { return weight > 0 ? total / weight : kNan; }
};

std::vector<int> Clusters(const QuestionSet& set, const std::vector<int>& questions) {
  std::map<std::string, int> numbers;
  std::vector<int> clusters;
  for (int index : questions) {
    const Question& question = set.questions[index];
    const std::string name =
        question.gold_documents.empty() ? "q" + question.id : absl::StrCat("d", question.gold_documents[0]);
    clusters.push_back(numbers.emplace(name, static_cast<int>(numbers.size())).first->second);
  }
  return clusters;
}

class Summarizer {
 public:
  Summarizer(const QuestionSet& set, const std::vector<int>& questions, const Settings& settings,
             const std::vector<std::string>& generators, const std::vector<Row>& rows, int resamples)
      : set_(set), questions_(questions), settings_(settings), generators_(generators), resamples_(resamples) {
    std::map<std::string, size_t> places;
    for (size_t i = 0; i < questions.size(); ++i) places[set.questions[questions[i]].id] = i;
    for (const Row& row : rows) {
      const auto place = places.find(row.question);
      if (place == places.end()) continue;
      auto& cell = rows_[{row.generator, row.method, row.budget}];
      cell.resize(questions.size(), nullptr);
      cell[place->second] = &row;
    }
  }

  Summary Make() {
    Summary summary;
    MakeStrata(&summary);
    std::vector<std::pair<std::string, std::string>> cells = {{kClosed, "-"}, {kNone, "-"}};
    for (const Budget& budget : settings_.budgets) {
      for (const std::string& method : settings_.methods) {
        if (!HasNoBudget(method)) cells.emplace_back(method, budget.name);
      }
    }
    for (const std::string& generator : generators_) {
      for (const auto& [method, budget] : cells) {
        for (const Stratum& stratum : summary.strata) {
          if (rows_.count({generator, method, budget}) == 0) continue;
          summary.cells.push_back(MakeCell(generator, method, budget, stratum));
          const Interval& f1 = summary.cells.back().metrics[static_cast<int>(Metric::kF1)];
          summary.generated = summary.generated || f1.n > 0;
        }
        MakeNeedles(generator, method, budget, &summary);
      }
      MakePairs(generator, &summary);
    }
    return summary;
  }

 private:
  void MakeStrata(Summary* summary) const {
    summary->strata = {{"all", ""}};
    std::set<std::string> corpora, overlaps, groups;
    for (int index : questions_) {
      overlaps.insert(set_.questions[index].overlap);
      corpora.insert(set_.questions[index].corpus);
      groups.insert(set_.questions[index].group);
    }
    for (const char* overlap : {"low", "middle", "high"}) {
      if (overlaps.count(overlap) > 0) summary->strata.push_back({"overlap", overlap});
    }
    if (corpora.size() > 1) {
      for (const std::string& corpus : corpora) {
        if (!corpus.empty()) summary->strata.push_back({"corpus", corpus});
      }
    }
    if (groups.size() > 1 && groups.size() <= kMaxGroups) {
      for (const std::string& group : groups) summary->strata.push_back({"group", group});
    }
    summary->headline = overlaps.count("low") > 0 ? Stratum{"overlap", "low"} : summary->strata[0];
  }

  bool In(const Stratum& stratum, int index) const {
    const Question& question = set_.questions[index];
    if (stratum.kind == "overlap") return question.overlap == stratum.value;
    if (stratum.kind == "group") return question.group == stratum.value;
    return stratum.kind == "all" || question.corpus == stratum.value;
  }

  const Row* Find(const std::string& generator, const std::string& method, const std::string& budget,
                  size_t place) const {
    const auto found = rows_.find({generator, method, budget});
    if (found == rows_.end()) return nullptr;
    const Row* row = found->second[place];
    return row != nullptr && row->error.empty() ? row : nullptr;
  }

  double Value(const Row& row, int metric) const {
    if (static_cast<Metric>(metric) != Metric::kCost) return row.values[metric];
    if (settings_.input_price <= 0 && settings_.output_price <= 0) return kNan;
    const double out = row[Metric::kCompletionTokens];
    return (row[Metric::kPromptTokens] * settings_.input_price + (std::isnan(out) ? 0 : out) * settings_.output_price) /
           1e6;
  }

  // Whether the full context answers what the closed book does not.
  static bool Helps(const Row& full, const Row& closed, Quality quality) {
    if (quality == Quality::kLogLikelihood || quality == Quality::kLikelihood) {
      return full[Metric::kLogLikelihood] - closed[Metric::kLogLikelihood] >= kHelps;
    }
    return full[Metric::kContains] == 1 && closed[Metric::kContains] == 0;
  }

  CellSummary MakeCell(const std::string& generator, const std::string& method, const std::string& budget,
                       const Stratum& stratum) const {
    CellSummary cell{generator, method, budget, stratum};
    struct Item {
      const Row *row, *closed, *full;  // the last two are null where the question cannot be normalised
    };
    std::vector<Item> items;
    std::vector<int> indices;
    for (size_t i = 0; i < questions_.size(); ++i) {
      if (!In(stratum, questions_[i])) continue;
      const Row* any = rows_.at({generator, method, budget})[i];
      if (any == nullptr) continue;
      ++cell.questions;
      if (!any->error.empty()) {
        ++cell.failed;
        continue;
      }
      const Row* closed = Find(generator, kClosed, "-", i);
      const Row* full = Find(generator, kNone, "-", i);
      if (full != nullptr && (*any)[Metric::kBudgetTokens] >= (*full)[Metric::kContextTokens]) ++cell.exhausted;
      const bool complete = set_.questions[questions_[i]].answerable && closed != nullptr && full != nullptr;
      items.push_back({any, complete ? closed : nullptr, complete ? full : nullptr});
      indices.push_back(questions_[i]);
    }
    std::array<int, kMetrics> n{};
    std::array<int, kQualities> normalized_n{};
    const auto statistics = [&](std::span<const double> weights, std::span<double> out) {
      std::array<Sum, kMetrics> sums;
      std::array<std::array<Sum, 3>, kQualities> parts;  // method, closed, full
      n.fill(0);
      normalized_n.fill(0);
      for (size_t i = 0; i < items.size(); ++i) {
        const Question& question = set_.questions[indices[i]];
        for (int m = 0; m < kMetrics; ++m) {
          if (!Counts(Info(m).population, question)) continue;
          const double value = Value(*items[i].row, m);
          sums[m].Add(weights[i], value);
          n[m] += !std::isnan(value);
        }
        if (items[i].full == nullptr) continue;
        for (int q = 0; q < kQualities; ++q) {
          if (!Helps(*items[i].full, *items[i].closed, kAllQualities[q])) continue;
          const Metric metric = MetricOf(kAllQualities[q]);
          const double got = (*items[i].row)[metric], closed = (*items[i].closed)[metric],
                       full = (*items[i].full)[metric];
          if (std::isnan(got) || std::isnan(closed) || std::isnan(full)) continue;
          parts[q][0].Add(weights[i], got);
          parts[q][1].Add(weights[i], closed);
          parts[q][2].Add(weights[i], full);
          ++normalized_n[q];
        }
      }
      for (int m = 0; m < kMetrics; ++m) out[m] = sums[m].Mean();
      for (int q = 0; q < kQualities; ++q) {
        const double gain = parts[q][2].total - parts[q][1].total;
        out[kMetrics + q] = gain > 0 ? (parts[q][0].total - parts[q][1].total) / gain : kNan;
      }
    };
    const std::vector<int> clusters = Clusters(set_, indices);
    // The whole sample comes first in Bootstrap, so n is that of its weights; the resamples count the same items.
    std::vector<Interval> intervals =
        Bootstrap(clusters, kMetrics + kQualities, statistics, settings_.seed, resamples_);
    for (int m = 0; m < kMetrics; ++m) {
      cell.metrics[m] = intervals[m];
      cell.metrics[m].n = n[m];
    }
    for (int q = 0; q < kQualities; ++q) {
      cell.normalized[q] = intervals[kMetrics + q];
      cell.normalized[q].n = normalized_n[q];
    }
    return cell;
  }

  void MakePairs(const std::string& generator, Summary* summary) const {
    const std::string a = "auto";
    if (std::find(settings_.methods.begin(), settings_.methods.end(), a) == settings_.methods.end()) return;
    for (const Budget& budget : settings_.budgets) {
      for (const std::string& b : settings_.methods) {
        if (b == a || HasNoBudget(b)) continue;
        for (const Stratum& stratum : summary->strata) {
          summary->pairs.push_back(MakePair(generator, budget.name, a, b, stratum));
        }
      }
    }
  }

  PairSummary MakePair(const std::string& generator, const std::string& budget, const std::string& a,
                       const std::string& b, const Stratum& stratum) const {
    PairSummary pair{generator, budget, a, b, stratum};
    std::vector<std::array<double, kQualities>> differences;
    std::vector<int> indices;
    std::array<int, kQualities> n{};
    for (size_t i = 0; i < questions_.size(); ++i) {
      if (!In(stratum, questions_[i]) || !set_.questions[questions_[i]].answerable) continue;
      const Row *row_a = Find(generator, a, budget, i), *row_b = Find(generator, b, budget, i);
      if (row_a == nullptr || row_b == nullptr) continue;
      std::array<double, kQualities> difference;
      for (int q = 0; q < kQualities; ++q) {
        const Metric metric = MetricOf(kAllQualities[q]);
        difference[q] = (*row_a)[metric] - (*row_b)[metric];
        n[q] += !std::isnan(difference[q]);
      }
      differences.push_back(difference);
      indices.push_back(questions_[i]);
    }
    const auto statistics = [&](std::span<const double> weights, std::span<double> out) {
      std::array<Sum, kQualities> sums;
      for (size_t i = 0; i < differences.size(); ++i) {
        for (int q = 0; q < kQualities; ++q) sums[q].Add(weights[i], differences[i][q]);
      }
      for (int q = 0; q < kQualities; ++q) out[q] = sums[q].Mean();
    };
    const std::vector<Interval> intervals =
        Bootstrap(Clusters(set_, indices), kQualities, statistics, settings_.seed, resamples_);
    for (int q = 0; q < kQualities; ++q) {
      pair.difference[q] = intervals[q];
      pair.difference[q].n = n[q];
    }
    return pair;
  }

  void MakeNeedles(const std::string& generator, const std::string& method, const std::string& budget,
                   Summary* summary) const {
    std::map<std::pair<int64_t, int64_t>, std::vector<const Row*>> squares;
    for (size_t i = 0; i < questions_.size(); ++i) {
      const Question& question = set_.questions[questions_[i]];
      const Row* row = Find(generator, method, budget, i);
      if (row == nullptr || question.length < 0 || question.depth < 0 || !question.answerable) continue;
      squares[{question.length, question.depth}].push_back(row);
    }
    for (const auto& [place, rows] : squares) {
      Sum retention, likelihood, contains;
      for (const Row* row : rows) {
        retention.Add(1, (*row)[Metric::kRetention]);
        likelihood.Add(1, (*row)[Metric::kLikelihood]);
        contains.Add(1, (*row)[Metric::kContains]);
      }
      summary->needles.push_back({generator, method, budget, place.first, place.second, static_cast<int>(rows.size()),
                                  retention.Mean(), likelihood.Mean(), contains.Mean()});
    }
  }

  const QuestionSet& set_;
  const std::vector<int>& questions_;
  const Settings& settings_;
  const std::vector<std::string>& generators_;
  const int resamples_;
  Rows rows_;
};

}  // namespace

Metric MetricOf(Quality quality) {
  switch (quality) {
    case Quality::kLogLikelihood:
      return Metric::kLogLikelihood;
    case Quality::kLikelihood:
      return Metric::kLikelihood;
    case Quality::kF1:
      return Metric::kF1;
    case Quality::kContains:
      break;
  }
  return Metric::kContains;
}

const CellSummary* Summary::Find(const std::string& generator, const std::string& method, const std::string& budget,
                                 const Stratum& stratum) const {
  for (const CellSummary& cell : cells) {
    if (cell.generator == generator && cell.method == method && cell.budget == budget && cell.stratum == stratum) {
      return &cell;
    }
  }
  return nullptr;
}

Summary Summarize(const QuestionSet& set, const std::vector<int>& questions, const Settings& settings,
                  const std::vector<std::string>& generators, const std::vector<Row>& rows, int resamples) {
  return Summarizer(set, questions, settings, generators, rows, resamples).Make();
}

}  // namespace precis::eval
