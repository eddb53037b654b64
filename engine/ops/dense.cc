#include "ops/dense.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cpu/vec16.h"

namespace precis::engine {

absl::StatusOr<DenseWeights> DenseWeights::Pack(std::span<const MatrixView> weights,
                                                std::span<const std::span<const float>> biases,
                                                const DensePacking& packing) {
  DenseWeights packed;
  if (weights.empty()) return absl::InvalidArgumentError("a dense layer needs at least one weight matrix");
  if (!biases.empty() && biases.size() != weights.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a dense layer of ", weights.size(), " matrices got ", biases.size(), " biases"));
  }
  packed.inputs_ = weights[0].columns;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].columns != packed.inputs_) {
      return absl::InvalidArgumentError(absl::StrCat("matrices with ", packed.inputs_, " and ", weights[i].columns,
                                                     " columns cannot be one dense layer"));
    }
    if (!biases.empty() && static_cast<int64_t>(biases[i].size()) != weights[i].rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("a matrix with ", weights[i].rows, " outputs got a bias of ", biases[i].size(), " values"));
    }
    packed.outputs_ += weights[i].rows;
  }
  for (const std::span<const float>& expected : {packing.input_mean, packing.input_spread}) {
    if (!expected.empty() && static_cast<int64_t>(expected.size()) != packed.inputs_) {
      return absl::InvalidArgumentError(
          absl::StrCat("a dense layer with ", packed.inputs_, " inputs was told what to expect of ", expected.size()));
    }
  }
  constexpr int64_t kLanes = cpu::kLanes;
  const int64_t padded = cpu::PadToLanes(packed.outputs_);
  packed.panels_ = AlignedBuffer<float>::Zeros(padded * packed.inputs_);
  if (!biases.empty()) packed.bias_ = AlignedBuffer<float>::Zeros(padded);
  int64_t output = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!biases.empty()) std::copy(biases[i].begin(), biases[i].end(), packed.bias_.data() + output);
    for (int64_t row = 0; row < weights[i].rows; ++row, ++output) {
      const float* from = weights[i].row(row);
      float* to = packed.panels_.data() + output / kLanes * packed.inputs_ * kLanes + output % kLanes;
      for (int64_t k = 0; k < packed.inputs_; ++k) to[k * kLanes] = from[k];
    }
  }
  return packed;
}

absl::Status Dense(const OpContext& context, MatrixView x, const DenseWeights& weights, PointwiseFn activation,
                   MatrixView residual, MutableMatrix y) {
  if (x.columns != weights.inputs() || y.columns != weights.outputs() || x.rows != y.rows) {
    return absl::InvalidArgumentError(absl::StrCat("dense layer [", weights.outputs(), ", ", weights.inputs(),
                                                   "] got x [", x.rows, ", ", x.columns, "] and y [", y.rows, ", ",
                                                   y.columns, "]"));
  }
  if (residual.data != nullptr && (residual.rows != y.rows || residual.columns != y.columns)) {
    return absl::InvalidArgumentError(absl::StrCat("dense layer's residual is [", residual.rows, ", ", residual.columns,
                                                   "], its output [", y.rows, ", ", y.columns, "]"));
  }
  DenseCpu(context, x, weights, activation, residual, y);
  return absl::OkStatus();
}

}  // namespace precis::engine
