// Means with bootstrap intervals.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace precis::eval {

// A number and the 95 % interval of its bootstrap distribution (percentiles 2.5 and 97.5, interpolated as numpy's
// default does). NaN where it cannot be had; the interval is NaN where fewer than half of the resamples gave a number.
struct Interval {
  double value, low, high;
  int n = 0;  // observations that the value is made of
};

// Writes the statistics of the weighted observations; a weight says how often an observation was drawn. NaN: undefined.
using Statistics = std::function<void(std::span<const double> weights, std::span<double> out)>;

// Draws clusters of observations with replacement, as many as there are: questions of one document are not independent.
//   clusters: for each observation the number of its cluster, 0 to the number of clusters - 1, each used
// Deterministic: draw i of resample r takes cluster (x * clusters) >> 64, where the x are SplitMix64's outputs from
// `seed`, in order. The same weights go to all statistics, so that differences are paired. `n` is left to the caller.
std::vector<Interval> Bootstrap(std::span<const int> clusters, int outputs, const Statistics& statistics, uint64_t seed,
                                int resamples = 1000);

// The p-th percentile, 0 to 100, of values that need not be sorted; numpy's "linear". NaN for none.
double Percentile(std::vector<double> values, double p);

}  // namespace precis::eval
