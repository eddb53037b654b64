#include "eval/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace precis::eval {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  uint64_t Below(uint64_t n) { return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64); }

 private:
  uint64_t state_;
};

}  // namespace

double Percentile(std::vector<double> values, double p) {
  if (values.empty()) return kNan;
  std::sort(values.begin(), values.end());
  const double at = p / 100 * static_cast<double>(values.size() - 1);
  const size_t below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (at - static_cast<double>(below));
}

std::vector<Interval> Bootstrap(std::span<const int> clusters, int outputs, const Statistics& statistics, uint64_t seed,
                                int resamples) {
  std::vector<double> weights(clusters.size(), 1), out(outputs, kNan);
  statistics(weights, out);
  std::vector<Interval> result;
  for (double value : out) result.push_back({value, kNan, kNan});
  if (clusters.empty()) return result;
  const int count = *std::max_element(clusters.begin(), clusters.end()) + 1;
  std::vector<std::vector<double>> drawn(outputs);
  std::vector<int> times(count);
  SplitMix64 random(seed);
  for (int r = 0; r < resamples; ++r) {
    std::fill(times.begin(), times.end(), 0);
    for (int i = 0; i < count; ++i) ++times[random.Below(count)];
    for (size_t i = 0; i < clusters.size(); ++i) weights[i] = times[clusters[i]];
    std::fill(out.begin(), out.end(), kNan);
    statistics(weights, out);
    for (int k = 0; k < outputs; ++k) {
      if (std::isfinite(out[k])) drawn[k].push_back(out[k]);
    }
  }
  for (int k = 0; k < outputs; ++k) {
    if (2 * drawn[k].size() < static_cast<size_t>(resamples)) continue;
    result[k].low = Percentile(drawn[k], 2.5);
    result[k].high = Percentile(std::move(drawn[k]), 97.5);
  }
  return result;
}

}  // namespace precis::eval
