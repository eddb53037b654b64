#include "ops/relative_position.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace precis::engine {
namespace {

// Of `buckets`, the first half for one distance each.
int64_t BucketOf(int64_t n, int64_t buckets, int64_t max_distance) {
  const int64_t exact = buckets / 2;
  if (n < exact) return n;
  // In double, so that every machine gives the same. A border is a power of two apart from `exact` where it is a whole
  // number at all; the small term keeps such a one on the side on which float arithmetic has it.
  const double position = std::log(static_cast<double>(n) / static_cast<double>(exact)) /
                          std::log(static_cast<double>(max_distance) / static_cast<double>(exact));
  const int64_t bucket = exact + static_cast<int64_t>(position * static_cast<double>(buckets - exact) + 1e-9);
  return std::min(bucket, buckets - 1);
}

}  // namespace

int64_t RelativeBucket(int64_t distance, int64_t buckets, int64_t max_distance) {
  const int64_t half = buckets / 2;
  return (distance > 0 ? half : 0) + BucketOf(std::abs(distance), half, max_distance);
}

int64_t CausalBucket(int64_t back, int64_t buckets, int64_t max_distance) {
  return BucketOf(back, buckets, max_distance);
}

RelativeBias MakeRelativeBias(MatrixView table, int64_t max_distance, int64_t length, float factor) {
  RelativeBias bias;
  bias.heads = table.columns;
  bias.length = length;
  bias.values = AlignedBuffer<float>::Zeros(bias.heads * bias.columns());
  for (int64_t distance = 1 - length; distance < length; ++distance) {
    const float* numbers = table.row(RelativeBucket(distance, table.rows, max_distance));
    for (int64_t head = 0; head < bias.heads; ++head) {
      bias.values[head * bias.columns() + length - 1 + distance] = factor * numbers[head];
    }
  }
  return bias;
}

}  // namespace precis::engine
