// One vector for each sequence of token vectors, and its L2 normalisation.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "ops/context.h"
#include "ops/ragged.h"
#include "tensor/matrix.h"

namespace precis::engine {

enum class PoolingKind { kMean, kCls, kMax };

// x: [tokens, n]   y: [sequences, n]
// kMean: the sum over tokens in increasing order, times 1 / length. kCls: the first token. kMax: the largest values.
// InvalidArgument when shapes do not fit together.
[[nodiscard]] absl::Status Pool(const OpContext& context, MatrixView x, RaggedStarts starts, PoolingKind kind,
                                MutableMatrix y);

// Divides each row by its L2 norm (at least 1e-12, as PyTorch's normalize). The sum of squares runs over 16 lanes.
void NormalizeRows(const OpContext& context, MutableMatrix x);

// sum += x * scale, fused. `x` has as many values as `sum`.
void AddScaled(const OpContext& context, const float* x, float scale, std::span<float> sum);

void PoolCpu(const OpContext& context, MatrixView x, RaggedStarts starts, PoolingKind kind, MutableMatrix y);

}  // namespace precis::engine
