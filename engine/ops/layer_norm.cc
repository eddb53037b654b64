#include "ops/layer_norm.h"

#include "absl/strings/str_cat.h"

namespace precis::engine {

absl::Status LayerNorm(const OpContext& context, MatrixView x, const LayerNormWeights& weights, MutableMatrix y) {
  const int64_t n = x.columns;
  if (x.rows != y.rows || n != y.columns || static_cast<int64_t>(weights.gamma.size()) != n ||
      static_cast<int64_t>(weights.beta.size()) != n) {
    return absl::InvalidArgumentError(absl::StrCat("layer norm of [", x.rows, ", ", n, "] got gamma [",
                                                   weights.gamma.size(), "], beta [", weights.beta.size(), "] and y [",
                                                   y.rows, ", ", y.columns, "]"));
  }
  LayerNormCpu(context, x, weights, y);
  return absl::OkStatus();
}

}  // namespace precis::engine
