#include "eval/report.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "eval/prompts.h"

namespace precis::eval {
namespace {

using nlohmann::ordered_json;

constexpr Quality kAllQualities[kQualities] = {Quality::kLogLikelihood, Quality::kLikelihood, Quality::kF1,
                                               Quality::kContains};

ordered_json ToJson(const Interval& interval) {
  ordered_json out{{"value", interval.value}};
  if (std::isfinite(interval.low)) {
    out["low"] = interval.low;
    out["high"] = interval.high;
  }
  out["n"] = interval.n;
  return out;
}

ordered_json ToJson(const Stratum& stratum) {
  ordered_json out{{"kind", stratum.kind}};
  if (!stratum.value.empty()) out["value"] = stratum.value;
  return out;
}

ordered_json SettingsJson(const Settings& settings) {
  ordered_json out;
  out["methods"] = settings.methods;
  for (const Budget& budget : settings.budgets) out["budgets"].push_back(budget.name);
  out["split"] = settings.split;
  if (!settings.overlap.empty()) out["overlap"] = settings.overlap;
  out["answerable_only"] = settings.answerable_only;
  out["limit"] = settings.limit;
  out["seed"] = settings.seed;
  out["top_k"] = settings.top_k;
  out["mode"] = settings.mode;
  out["generate"] = settings.generate;
  out["style"] = settings.style == Style::kShort ? "short" : "cited";
  out["protect"] = settings.protect;
  out["input_price"] = settings.input_price;
  out["output_price"] = settings.output_price;
  out["prompt_version"] = kPromptVersion;
  return out;
}

std::string StratumName(const Stratum& stratum) {
  return stratum.kind == "all" ? "all questions" : absl::StrCat(stratum.kind, " ", stratum.value);
}

const Interval& MetricIn(const CellSummary& cell, Metric metric) { return cell.metrics[static_cast<int>(metric)]; }

std::string ShowValue(const Interval& interval, int digits) {
  return std::isfinite(interval.value) ? absl::StrFormat("%.*f", digits, interval.value) : "-";
}

std::string MarkdownRow(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) {
    row += ' ';
    for (char c : cell) row += c == '|' ? std::string("\\|") : std::string(1, c);
    row += " |";
  }
  return row + "\n";
}

}  // namespace

std::string ResultsJson(const Report& report, int indent) {
  ordered_json out;
  out["format"] = 1;
  out["set"] = {{"name", report.set->name}, {"task", report.set->task}, {"fingerprint", report.set->fingerprint}};
  out["runs"] = ordered_json::array();
  for (size_t i = 0; i < report.generators.size(); ++i) {
    out["runs"].push_back({{"generator", report.generators[i]},
                           {"fingerprint", report.run_fingerprints[i]},
                           {"rows", report.rows_paths[i]}});
  }
  out["settings"] = SettingsJson(*report.settings);
  out["questions"] = report.questions;
  out["answerable"] = report.answerable;
  out["headline"] = ToJson(report.summary.headline);
  ordered_json meanings;
  for (int m = 0; m < kMetrics; ++m) meanings[Info(m).name] = Info(m).meaning;
  out["metrics"] = meanings;
  out["cells"] = ordered_json::array();
  for (const CellSummary& cell : report.summary.cells) {
    ordered_json each{{"generator", cell.generator},     {"method", cell.method},       {"budget", cell.budget},
                      {"stratum", ToJson(cell.stratum)}, {"questions", cell.questions}, {"failed", cell.failed},
                      {"exhausted", cell.exhausted}};
    each["metrics"] = ordered_json::object();
    for (int m = 0; m < kMetrics; ++m) {
      if (cell.metrics[m].n > 0 && std::isfinite(cell.metrics[m].value)) {
        each["metrics"][Info(m).name] = ToJson(cell.metrics[m]);
      }
    }
    each["normalized"] = ordered_json::object();
    for (int q = 0; q < kQualities; ++q) {
      if (std::isfinite(cell.normalized[q].value)) {
        each["normalized"][Info(MetricOf(kAllQualities[q])).name] = ToJson(cell.normalized[q]);
      }
    }
    out["cells"].push_back(std::move(each));
  }
  out["pairs"] = ordered_json::array();
  for (const PairSummary& pair : report.summary.pairs) {
    ordered_json each{{"generator", pair.generator},
                      {"budget", pair.budget},
                      {"a", pair.a},
                      {"b", pair.b},
                      {"stratum", ToJson(pair.stratum)}};
    each["difference"] = ordered_json::object();
    for (int q = 0; q < kQualities; ++q) {
      if (std::isfinite(pair.difference[q].value)) {
        each["difference"][Info(MetricOf(kAllQualities[q])).name] = ToJson(pair.difference[q]);
      }
    }
    out["pairs"].push_back(std::move(each));
  }
  out["needles"] = ordered_json::array();
  for (const NeedleSquare& square : report.summary.needles) {
    ordered_json each{{"generator", square.generator}, {"method", square.method}, {"budget", square.budget},
                      {"length", square.length},       {"depth", square.depth},   {"questions", square.questions}};
    if (std::isfinite(square.retention)) each["retention"] = square.retention;
    if (std::isfinite(square.likelihood)) each["likelihood"] = square.likelihood;
    if (std::isfinite(square.contains)) each["contains"] = square.contains;
    out["needles"].push_back(std::move(each));
  }
  out["bars"] = ordered_json::array();
  for (const Bar& bar : report.bars) {
    ordered_json each{
        {"generator", bar.generator}, {"name", bar.name}, {"verdict", Name(bar.verdict)}, {"wanted", bar.wanted}};
    if (std::isfinite(bar.measured.value)) each["measured"] = ToJson(bar.measured);
    out["bars"].push_back(std::move(each));
  }
  return out.dump(indent, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string Show(const Interval& interval, int digits) {
  if (!std::isfinite(interval.value)) return "-";
  if (!std::isfinite(interval.low)) return absl::StrFormat("%.*f", digits, interval.value);
  return absl::StrFormat("%.*f [%.*f, %.*f]", digits, interval.value, digits, interval.low, digits, interval.high);
}

ReportTable MakeTable(const Report& report, const std::string& generator, const Stratum& stratum) {
  struct Column {
    const char* header;
    std::function<std::string(const CellSummary&)> show;
  };
  const auto mean = [](Metric metric, int digits) {
    return [=](const CellSummary& cell) { return ShowValue(MetricIn(cell, metric), digits); };
  };
  const auto interval = [](Metric metric) {
    return [=](const CellSummary& cell) { return Show(MetricIn(cell, metric)); };
  };
  const auto normalized = [](Quality quality) {
    return [=](const CellSummary& cell) { return Show(cell.normalized[static_cast<int>(quality)]); };
  };
  const std::vector<Column> columns = {{"method", [](const CellSummary& cell) { return cell.method; }},
                                       {"budget", [](const CellSummary& cell) { return cell.budget; }},
                                       {"tokens", mean(Metric::kContextTokens, 0)},
                                       {"log-lik.", interval(Metric::kLogLikelihood)},
                                       {"of full", normalized(Quality::kLogLikelihood)},
                                       {"F1", interval(Metric::kF1)},
                                       {"F1 of full", normalized(Quality::kF1)},
                                       {"contains", mean(Metric::kContains, 2)},
                                       {"refused", mean(Metric::kRefused, 2)},
                                       {"false ans.", mean(Metric::kFalseAnswer, 2)},
                                       {"kept", mean(Metric::kRetention, 2)},
                                       {"evidence", mean(Metric::kEvidence, 2)},
                                       {"marks ok", mean(Metric::kCitationsValid, 2)},
                                       {"sentiment off", interval(Metric::kSentimentError)},
                                       {"minority off", interval(Metric::kMinorityError)},
                                       {"compress ms", mean(Metric::kCompressMs, 0)},
                                       {"first ms", mean(Metric::kFirstTokenMs, 0)},
                                       {"cost", mean(Metric::kCost, 6)},
                                       {"n", [](const CellSummary& cell) {
                                          const int n = MetricIn(cell, Metric::kLogLikelihood).n;
                                          return absl::StrCat(
                                              n > 0 ? n : cell.questions - cell.failed,
                                              cell.failed > 0 ? absl::StrCat(" (", cell.failed, " failed)") : "");
                                        }}};
  ReportTable table;
  std::vector<const CellSummary*> cells;
  for (const CellSummary& cell : report.summary.cells) {
    if (cell.generator == generator && cell.stratum == stratum) cells.push_back(&cell);
  }
  table.rows.resize(cells.size());
  for (const Column& column : columns) {
    std::vector<std::string> shown;
    for (const CellSummary* cell : cells) shown.push_back(column.show(*cell));
    // What nothing was measured of is not shown.
    if (std::all_of(shown.begin(), shown.end(), [](const std::string& text) { return text == "-"; })) continue;
    table.headers.emplace_back(column.header);
    for (size_t i = 0; i < cells.size(); ++i) table.rows[i].push_back(shown[i]);
  }
  return table;
}

std::string Coverage(const Report& report) {
  std::string text =
      absl::StrCat(report.questions, " questions of split ", report.settings->split, ", ", report.answerable,
                   " of them answerable; headline: ", StratumName(report.summary.headline));
  for (const std::string& generator : report.generators) {
    const CellSummary* full = report.summary.Find(generator, kNone, "-", report.summary.headline);
    if (full == nullptr) continue;
    if (const Interval& scored = MetricIn(*full, Metric::kLogLikelihood); scored.n > 0) {
      absl::StrAppend(&text, "; ", full->normalized[0].n, " of ", scored.n, " that ", generator,
                      " answers, by likelihood, from the full context and not without");
    }
    if (const Interval& hit = MetricIn(*full, Metric::kHit); hit.n > 0) {
      absl::StrAppend(&text, "; a gold document is among the candidates in ", Show(hit), ", first in ",
                      Show(MetricIn(*full, Metric::kHitFirst)), " (n ", hit.n, ")");
    }
  }
  return text;
}

std::string Sentence(const Bar& bar) {
  std::string text = absl::StrCat("[", Name(bar.verdict), "] ", bar.name);
  if (bar.verdict == Verdict::kNotMeasured) return text;
  return absl::StrCat(text, ": ", Show(bar.measured, 3), ", wanted ", bar.strictly ? "above " : "at least ", bar.wanted,
                      " (n ", bar.measured.n, ")");
}

std::string TableMarkdown(const Report& report) {
  std::string out = absl::StrCat("# ", report.set->name, "\n\n", Coverage(report), ".\n\n");
  absl::StrAppend(&out,
                  "`of full` is (method - closed book) / (full context - closed book) over the questions that the full "
                  "context answers and the closed book does not; intervals are 95 %, bootstrap over "
                  "gold documents, 1,000 resamples. `kept` and `evidence` are what the context still holds.\n");
  for (const std::string& generator : report.generators) {
    for (const Stratum& stratum : report.summary.strata) {
      const ReportTable table = MakeTable(report, generator, stratum);
      if (table.rows.empty()) continue;
      absl::StrAppend(&out, "\n## ", generator, ", ", StratumName(stratum),
                      stratum == report.summary.headline ? " (headline)" : "", "\n\n");
      out += MarkdownRow(table.headers);
      out += MarkdownRow(std::vector<std::string>(table.headers.size(), "---"));
      for (const auto& row : table.rows) out += MarkdownRow(row);
    }
  }
  if (!report.summary.pairs.empty()) {
    absl::StrAppend(&out, "\n## auto against others at equal tokens, ", StratumName(report.summary.headline),
                    "\n\nMean difference per question, paired.\n\n");
    std::vector<std::string> headers = {"generator", "budget", "against"};
    for (Quality quality : kAllQualities) headers.emplace_back(Info(MetricOf(quality)).name);
    headers.emplace_back("n");
    out += MarkdownRow(headers);
    out += MarkdownRow(std::vector<std::string>(headers.size(), "---"));
    for (const PairSummary& pair : report.summary.pairs) {
      if (!(pair.stratum == report.summary.headline)) continue;
      std::vector<std::string> cells = {pair.generator, pair.budget, pair.b};
      for (const Interval& difference : pair.difference) cells.push_back(Show(difference, 3));
      cells.push_back(absl::StrCat(pair.difference[0].n));
      out += MarkdownRow(cells);
    }
  }
  out += "\n## Bars\n\n";
  for (const Bar& bar : report.bars) absl::StrAppend(&out, "- ", bar.generator, ": ", Sentence(bar), "\n");
  return out;
}

}  // namespace precis::eval
