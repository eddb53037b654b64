// y = (x - mean) / sqrt(variance + eps) * gamma + beta over each row (arXiv 1607.06450). Mean and variance are sums
// over 16 lanes in a fixed tree; the variance is of the differences from the mean (two passes), divided by n.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "ops/context.h"
#include "tensor/matrix.h"

namespace precis::engine {

struct LayerNormWeights {
  std::span<const float> gamma, beta;  // one value for each column
  float eps = 0;                       // > 0
};

// x, y: [m, n]; y may be x. InvalidArgument when the shapes do not fit together.
[[nodiscard]] absl::Status LayerNorm(const OpContext& context, MatrixView x, const LayerNormWeights& weights,
                                     MutableMatrix y);

void LayerNormCpu(const OpContext& context, MatrixView x, const LayerNormWeights& weights, MutableMatrix y);

}  // namespace precis::engine
