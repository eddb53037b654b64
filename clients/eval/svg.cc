#include "eval/svg.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace precis::eval {
namespace {

constexpr const char* kColors[] = {"#1f4e8c", "#d6604d", "#1b7837", "#8b6f9e", "#c0a16b", "#5b9bd5",
                                   "#7fbf7b", "#444444", "#e08214", "#b2182b", "#35978f", "#999999"};
constexpr int kColorCount = static_cast<int>(std::size(kColors));

std::string Escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string Text(double x, double y, const std::string& text, const char* more = "") {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, more, Escape(text));
}

std::string Line(double x1, double y1, double x2, double y2, const std::string& style) {
  return absl::StrFormat("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" style=\"%s\"/>\n", x1, y1, x2, y2,
                         style);
}

std::string Begin(double width, double height) {
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      width, height);
}

// About five round numbers that cover [low, high].
std::vector<double> Ticks(double low, double high) {
  const double span = std::max(high - low, 1e-9);
  double step = std::pow(10, std::floor(std::log10(span / 5)));
  for (double factor : {1.0, 2.0, 5.0, 10.0}) {
    if (span / (step * factor) <= 6) {
      step *= factor;
      break;
    }
  }
  std::vector<double> ticks;
  for (double at = std::ceil(low / step) * step; at <= high + step * 1e-6; at += step) ticks.push_back(at);
  return ticks;
}

std::vector<double> LogTicks(double low, double high) {
  std::vector<double> ticks;
  for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high; decade *= 10) {
    for (double factor : {1.0, 2.0, 5.0}) {
      if (decade * factor >= low && decade * factor <= high) ticks.push_back(decade * factor);
    }
  }
  return ticks;
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  void Add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

}  // namespace

std::string LineChart(const Chart& chart) {
  constexpr double kLeft = 70, kTop = 50, kPlotWidth = 560, kPlotHeight = 340, kLegend = 210;
  Range xs, ys;
  for (const ChartLine& line : chart.lines) {
    for (const ChartPoint& point : line.points) {
      xs.Add(point.x);
      for (double y : {point.y, point.low, point.high}) ys.Add(y);
    }
  }
  for (const auto& reference : chart.references) ys.Add(reference.second);
  std::string out = Begin(kLeft + kPlotWidth + kLegend, kTop + kPlotHeight + 60);
  out += Text(kLeft, 24, chart.title, "font-size=\"15\"");
  if (!(xs.low <= xs.high) || !(ys.low <= ys.high)) return out + Text(kLeft, 60, "nothing measured") + "</svg>\n";
  const auto scale = [&](double x) { return chart.x_log ? std::log10(x) : x; };
  double x_low = scale(xs.low), x_high = scale(xs.high);
  const double x_pad = x_high > x_low ? 0.05 * (x_high - x_low) : 0.5;
  x_low -= x_pad;
  x_high += x_pad;
  const double y_pad = ys.high > ys.low ? 0.06 * (ys.high - ys.low) : 0.5;
  ys.low -= y_pad;
  ys.high += y_pad;
  const auto px = [&](double x) { return kLeft + (scale(x) - x_low) / (x_high - x_low) * kPlotWidth; };
  const auto py = [&](double y) { return kTop + (ys.high - y) / (ys.high - ys.low) * kPlotHeight; };
  for (double tick : Ticks(ys.low, ys.high)) {
    out += Line(kLeft, py(tick), kLeft + kPlotWidth, py(tick), "stroke:#e5e5e5");
    out += Text(kLeft - 8, py(tick) + 4, absl::StrFormat("%.4g", tick), "text-anchor=\"end\"");
  }
  const std::vector<double> x_ticks =
      chart.x_log ? LogTicks(std::pow(10, x_low), std::pow(10, x_high)) : Ticks(x_low, x_high);
  for (double tick : x_ticks) {
    out += Line(px(tick), kTop, px(tick), kTop + kPlotHeight, "stroke:#f0f0f0");
    out += Text(px(tick), kTop + kPlotHeight + 18, absl::StrFormat("%.6g", tick), "text-anchor=\"middle\"");
  }
  out += Text(kLeft + kPlotWidth / 2, kTop + kPlotHeight + 42, chart.x_title, "text-anchor=\"middle\"");
  out += Text(
      0, 0, chart.y_title,
      absl::StrFormat("text-anchor=\"middle\" transform=\"translate(18,%.0f) rotate(-90)\"", kTop + kPlotHeight / 2)
          .c_str());
  for (const auto& [name, y] : chart.references) {
    out += Line(kLeft, py(y), kLeft + kPlotWidth, py(y), "stroke:#888;stroke-dasharray:5,4");
    out += Text(kLeft + kPlotWidth - 4, py(y) - 4, name, "text-anchor=\"end\" fill=\"#666\"");
  }
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    const std::string color = kColors[i % kColorCount];
    std::vector<ChartPoint> points = chart.lines[i].points;
    std::sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
    std::string path;
    for (const ChartPoint& point : points) {
      path += absl::StrFormat("%s%.1f,%.1f ", path.empty() ? "M" : "L", px(point.x), py(point.y));
    }
    out += absl::StrCat("<path d=\"", path, "\" fill=\"none\" stroke=\"", color, "\" stroke-width=\"1.5\"/>\n");
    for (const ChartPoint& point : points) {
      if (std::isfinite(point.low) && std::isfinite(point.high)) {
        out += Line(px(point.x), py(point.low), px(point.x), py(point.high),
                    absl::StrCat("stroke:", color, ";stroke-opacity:0.5"));
      }
      out += absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"><title>%s</title></circle>\n",
                             px(point.x), py(point.y), color, Escape(point.label));
    }
    const double y = kTop + 14 + 18 * static_cast<double>(i);
    out += absl::StrFormat("<rect x=\"%.0f\" y=\"%.0f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n",
                           kLeft + kPlotWidth + 16, y - 10, color);
    out += Text(kLeft + kPlotWidth + 34, y, chart.lines[i].name);
  }
  return out + "</svg>\n";
}

std::string HeatMaps(const std::string& title, const std::vector<HeatMap>& maps) {
  constexpr double kSquare = 46, kLeft = 60, kTop = 90, kGap = 40, kFoot = 50;
  constexpr size_t kAcross = 4;
  double column_width = 0, row_height = 0;
  for (const HeatMap& map : maps) {
    // A title is about seven points a letter.
    column_width = std::max({column_width, kLeft + kSquare * static_cast<double>(map.columns.size()),
                             kLeft + 7 * static_cast<double>(map.title.size())});
    row_height = std::max(row_height, kSquare * static_cast<double>(map.rows.size()) + kFoot + 30);
  }
  const size_t across = std::min(kAcross, std::max<size_t>(1, maps.size()));
  const size_t down = (maps.size() + across - 1) / across;
  std::string out = Begin((column_width + kGap) * static_cast<double>(across) + 20,
                          kTop - 30 + row_height * static_cast<double>(down) + 20);
  out += Text(20, 26, title, "font-size=\"15\"");
  for (size_t m = 0; m < maps.size(); ++m) {
    const HeatMap& map = maps[m];
    const double left = 20 + kLeft + (column_width + kGap) * static_cast<double>(m % across);
    const double top = kTop + row_height * static_cast<double>(m / across);
    out += Text(left, top - 12, map.title, "font-weight=\"bold\"");
    for (size_t r = 0; r < map.rows.size(); ++r) {
      const double y = top + kSquare * static_cast<double>(r);
      out += Text(left - 6, y + kSquare / 2 + 4, map.rows[r], "text-anchor=\"end\"");
      for (size_t c = 0; c < map.columns.size(); ++c) {
        const double value = map.values[r][c], x = left + kSquare * static_cast<double>(c);
        const double v = std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 0;
        // Red over yellow to green.
        const int red = static_cast<int>(std::lround(v < 0.5 ? 215 : 215 - (v - 0.5) * 2 * 189));
        const int green = static_cast<int>(std::lround(v < 0.5 ? 48 + v * 2 * 160 : 208 - (v - 0.5) * 2 * 56));
        const std::string fill = std::isfinite(value) ? absl::StrFormat("rgb(%d,%d,80)", red, green) : "#eeeeee";
        out += absl::StrFormat(
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" fill=\"%s\" "
            "stroke=\"white\"/>\n",
            x, y, kSquare, kSquare, fill);
        if (std::isfinite(value)) {
          out += Text(x + kSquare / 2, y + kSquare / 2 + 4, absl::StrFormat("%.2f", value),
                      "text-anchor=\"middle\" fill=\"white\"");
        }
      }
    }
    const double foot = top + kSquare * static_cast<double>(map.rows.size());
    for (size_t c = 0; c < map.columns.size(); ++c) {
      out += Text(left + kSquare * (static_cast<double>(c) + 0.5), foot + 16, map.columns[c], "text-anchor=\"middle\"");
    }
    out += Text(left, foot + 34, absl::StrCat(map.x_title, " across, ", map.y_title, " down"), "fill=\"#666\"");
  }
  return out + "</svg>\n";
}

}  // namespace precis::eval
