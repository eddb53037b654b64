// Charts as SVG files, without a library.
#pragma once

#include <string>
#include <vector>

namespace precis::eval {

struct ChartPoint {
  double x, y, low, high;  // low and high NaN: no interval
  std::string label;       // shown when the mouse rests on it
};

struct ChartLine {
  std::string name;
  std::vector<ChartPoint> points;  // joined in order of x
};

struct Chart {
  std::string title, x_title, y_title;
  bool x_log = false;  // then every x is above 0
  std::vector<ChartLine> lines;
  std::vector<std::pair<std::string, double>> references;  // horizontal lines
};
std::string LineChart(const Chart& chart);

struct HeatMap {
  std::string title, x_title, y_title;
  std::vector<std::string> columns, rows;
  std::vector<std::vector<double>> values;  // [row][column], 0 to 1; NaN: empty
};
// Several maps beside each other, a title over each.
std::string HeatMaps(const std::string& title, const std::vector<HeatMap>& maps);

}  // namespace precis::eval
