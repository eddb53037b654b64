#include "ops/rotary.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "ops/rope.h"

namespace precis::engine {

double RotaryBase(const RotarySpec& spec, int64_t length) {
  if (!(spec.factor > 0) || length <= spec.trained) return spec.base;
  const double dim = static_cast<double>(spec.head_dim);
  const double reach =
      spec.factor * static_cast<double>(length) / static_cast<double>(spec.trained) - (spec.factor - 1);
  return spec.base * std::pow(reach, dim / (dim - 2));
}

void RotaryAngles(const OpContext& context, const RotarySpec& spec, RaggedStarts starts, MutableMatrix angles) {
  for (int64_t s = 0; s < SequenceCount(starts); ++s) {
    const int64_t length = starts[s + 1] - starts[s];
    const ops::Rope rope({.head_dim = spec.head_dim, .base = RotaryBase(spec, length)});
    context.pool->ParallelFor(length, 16, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) rope.Angles(t, angles.row(starts[s] + t));
    });
  }
}

absl::Status TurnQueriesAndKeys(const OpContext& context, MatrixView angles, int64_t heads, MutableMatrix qkv) {
  if (heads < 1 || angles.rows != qkv.rows || qkv.columns != 3 * heads * angles.columns) {
    return absl::InvalidArgumentError(absl::StrCat("rotary positions of ", heads, " heads got angles [", angles.rows,
                                                   ", ", angles.columns, "] and q, k, v as [", qkv.rows, ", ",
                                                   qkv.columns, "]"));
  }
  const ops::Rope rope({.head_dim = angles.columns});
  context.pool->ParallelFor(qkv.rows, 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) rope.Apply(angles.row(row), 2 * heads, qkv.row(row));
  });
  return absl::OkStatus();
}

}  // namespace precis::engine
