// Learned numbers for the distance of two tokens (T5, arXiv 1910.10683; MPNet): near distances have a bucket each,
// farther ones share buckets that grow logarithmically, all beyond `max_distance` share the last.
#pragma once

#include <cstdint>

#include "tensor/aligned_buffer.h"
#include "tensor/matrix.h"

namespace precis::engine {

// The bucket of a key `distance` tokens behind the query (negative: before it), both directions having half of the
// buckets. buckets: even, >= 4; max_distance > buckets / 4. The borders are those of PyTorch's float arithmetic.
int64_t RelativeBucket(int64_t distance, int64_t buckets, int64_t max_distance);

// The bucket of a key `back` >= 0 tokens before the query, where no query sees a later key. Same conditions, except
// max_distance > buckets / 2.
int64_t CausalBucket(int64_t back, int64_t buckets, int64_t max_distance);

// For sequences of up to `length` tokens: row h, column length - 1 + distance holds `factor` times the number that
// `table` [buckets, heads] has for head h and the bucket of that distance. Columns are padded with zeros by 16, as
// BidirectionalAttention wants it.
struct RelativeBias {
  AlignedBuffer<float> values;
  int64_t heads = 0, length = 0;

  int64_t columns() const { return 2 * (length - 1) + 17; }
  MatrixView view() const { return {values.data(), heads, columns()}; }
};
RelativeBias MakeRelativeBias(MatrixView table, int64_t max_distance, int64_t length, float factor);

}  // namespace precis::engine
