#include "eval/plots.h"

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "eval/run_log.h"
#include "eval/svg.h"

namespace precis::eval {
namespace {

// A line a method over its budgets; the full context is a point of its own.
std::string QualityChart(const Report& report, const std::string& generator, Quality quality, Metric x,
                         const std::string& x_title) {
  const Stratum& stratum = report.summary.headline;
  const std::string metric = Info(MetricOf(quality)).name;
  Chart chart;
  chart.title = absl::StrCat(report.set->name, ", ", generator, ", ",
                             stratum.kind == "all" ? "all questions" : stratum.kind + " " + stratum.value);
  chart.x_title = x_title;
  chart.y_title = metric;
  chart.x_log = true;
  std::vector<std::string> methods = {kNone};
  methods.insert(methods.end(), report.settings->methods.begin(), report.settings->methods.end());
  std::set<std::string> seen;
  for (const std::string& method : methods) {
    if (method == kClosed || !seen.insert(method).second) continue;
    ChartLine line{method == kNone ? "full context" : method, {}};
    for (const CellSummary& cell : report.summary.cells) {
      if (cell.generator != generator || cell.method != method || !(cell.stratum == stratum)) continue;
      const Interval& y = cell.metrics[static_cast<int>(MetricOf(quality))];
      const double at = cell.metrics[static_cast<int>(x)].value;
      if (!std::isfinite(at) || at <= 0 || !std::isfinite(y.value)) continue;
      line.points.push_back({at, y.value, y.low, y.high, absl::StrCat(method, " ", cell.budget, ": ", Show(y, 3))});
    }
    if (!line.points.empty()) chart.lines.push_back(std::move(line));
  }
  for (const auto& [name, method] : {std::pair{"full context", kNone}, std::pair{"closed book", kClosed}}) {
    const CellSummary* cell = report.summary.Find(generator, method, "-", stratum);
    if (cell == nullptr) continue;
    const double value = cell->metrics[static_cast<int>(MetricOf(quality))].value;
    if (std::isfinite(value)) chart.references.emplace_back(name, value);
  }
  return LineChart(chart);
}

std::string NeedleMaps(const Report& report, const std::string& generator, const char* name,
                       double NeedleSquare::*value) {
  std::vector<HeatMap> maps;
  std::set<int64_t> lengths, depths;
  for (const NeedleSquare& square : report.summary.needles) {
    lengths.insert(square.length);
    depths.insert(square.depth);
  }
  std::set<std::pair<std::string, std::string>> done;
  for (const NeedleSquare& first : report.summary.needles) {
    if (first.generator != generator || !done.emplace(first.method, first.budget).second) continue;
    HeatMap map{absl::StrCat(first.method, first.budget == "-" ? "" : " " + first.budget), "length", "depth %"};
    for (int64_t length : lengths) map.columns.push_back(absl::StrCat(length));
    for (int64_t depth : depths) {
      map.rows.push_back(absl::StrCat(depth));
      std::vector<double> row;
      for (int64_t length : lengths) {
        double found = std::numeric_limits<double>::quiet_NaN();
        for (const NeedleSquare& square : report.summary.needles) {
          if (square.generator == generator && square.method == first.method && square.budget == first.budget &&
              square.length == length && square.depth == depth) {
            found = square.*value;
          }
        }
        row.push_back(found);
      }
      map.values.push_back(std::move(row));
    }
    bool any = false;
    for (const auto& row : map.values) {
      for (double each : row) any = any || std::isfinite(each);
    }
    if (any) maps.push_back(std::move(map));
  }
  return maps.empty() ? "" : HeatMaps(absl::StrCat("Needles, ", generator, ": ", name), maps);
}

}  // namespace

std::map<std::string, std::string> Plots(const Report& report) {
  std::map<std::string, std::string> files;
  for (const std::string& generator : report.generators) {
    const std::string name = FileName(generator);
    std::vector<Quality> qualities = {Quality::kLogLikelihood};
    if (report.summary.generated) qualities.push_back(Quality::kF1);
    for (Quality quality : qualities) {
      const std::string metric = Info(MetricOf(quality)).name;
      files[absl::StrCat(metric, "_by_tokens.", name, ".svg")] =
          QualityChart(report, generator, quality, Metric::kContextTokens, "tokens of the context");
      files[absl::StrCat(metric, "_by_time.", name, ".svg")] =
          QualityChart(report, generator, quality, Metric::kFirstTokenMs, "ms to the first token, cold");
    }
    if (report.summary.needles.empty()) continue;
    for (const auto& [label, member] :
         {std::pair{"retention", &NeedleSquare::retention}, std::pair{"likelihood", &NeedleSquare::likelihood},
          std::pair{"contains", &NeedleSquare::contains}}) {
      std::string svg = NeedleMaps(report, generator, label, member);
      if (!svg.empty()) files[absl::StrCat("needles_", label, ".", name, ".svg")] = std::move(svg);
    }
  }
  return files;
}

}  // namespace precis::eval
