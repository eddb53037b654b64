#include "ops/relative_position.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace precis::engine {

int64_t RelativeBucket(int64_t distance, int64_t buckets, int64_t max_distance) {
  const int64_t half = buckets / 2, exact = half / 2, n = std::abs(distance);
  const int64_t side = distance > 0 ? half : 0;
  if (n < exact) return side + n;
  // In double, so that every machine gives the same. A border is a power of two apart from `exact` where it is a whole
  // number at all; the small term keeps such a one on the side on which float arithmetic has it.
  const double position = std::log(static_cast<double>(n) / static_cast<double>(exact)) /
                          std::log(static_cast<double>(max_distance) / static_cast<double>(exact));
  const int64_t bucket = exact + static_cast<int64_t>(position * static_cast<double>(half - exact) + 1e-9);
  return side + std::min(bucket, half - 1);
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
