#include "ops/dense.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpu/vec16.h"

namespace precis::engine {

absl::StatusOr<DenseWeights> DenseWeights::Pack(std::span<const MatrixView> weights,
                                                std::span<const std::span<const float>> biases,
                                                DensePrecision precision) {
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
  constexpr int64_t kLanes = cpu::kLanes;
  const int64_t padded = cpu::PadToLanes(packed.outputs_);
  if (!biases.empty()) packed.bias_ = AlignedBuffer<float>::Zeros(padded);
  std::vector<const float*> rows;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!biases.empty()) std::copy(biases[i].begin(), biases[i].end(), packed.bias_.data() + rows.size());
    for (int64_t row = 0; row < weights[i].rows; ++row) rows.push_back(weights[i].row(row));
  }
  packed.precision_ = precision;
  if (precision != DensePrecision::kFp32) {
    if (packed.inputs_ > cpu::kMaxIntInputs) {
      return absl::InvalidArgumentError(absl::StrCat("a dense layer of integers takes at most ", cpu::kMaxIntInputs,
                                                     " inputs, not ", packed.inputs_, ": use fp32"));
    }
    const cpu::IntWidth width = precision == DensePrecision::kInt8 ? cpu::IntWidth::k8 : cpu::IntWidth::k16;
    packed.integers_ = PackIntPanels(width, rows, packed.inputs_);
    return packed;
  }
  packed.panels_ = AlignedBuffer<float>::Zeros(padded * packed.inputs_);
  for (int64_t output = 0; output < packed.outputs_; ++output) {
    const float* from = rows[static_cast<size_t>(output)];
    float* to = packed.panels_.data() + output / kLanes * packed.inputs_ * kLanes + output % kLanes;
    for (int64_t k = 0; k < packed.inputs_; ++k) to[k * kLanes] = from[k];
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
  if (weights.precision() == DensePrecision::kFp32) {
    DenseCpu(context, x, weights, activation, residual, y);
  } else {
    DenseIntCpu(context, x, weights, activation, residual, y);
  }
  return absl::OkStatus();
}

}  // namespace precis::engine
