// y = activation(x W^T + b) + residual, in floats or in integers (DensePrecision).
//
// In fp32 each output is one sum over the inputs in increasing order, fused; in integers it is exact. Rows do not
// influence each other, and neither the number of rows or threads nor the instruction set changes a bit.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/activation.h"
#include "ops/context.h"
#include "ops/dense_int.h"
#include "tensor/aligned_buffer.h"
#include "tensor/matrix.h"

namespace precis::engine {

// How a dense layer keeps its weights and multiplies. Chosen with the model's numeric mode, never by the CPU.
//   kFp32  floats
//   kInt8  weights of 8 bits with a scale for each output, inputs of 8 bits with a scale and a centre for each row
//   kInt16 the same with about 12 and 13 bits, for what kInt8 is too coarse for; half as fast with VNNI, as fast
//   without
// The integer sums are exact, so that here, too, nothing but the numbers themselves changes a bit of the result.
enum class DensePrecision { kFp32, kInt8, kInt16 };

// A weight matrix [outputs, inputs] repacked once: panels of 16 outputs, in each the inputs one after the other, as
// floats or as integers. Immutable after packing.
class DenseWeights {
 public:
  DenseWeights() = default;

  // Stacks the rows of several matrices with equal numbers of columns (fused Q, K, V). `biases`: none, or one for each
  // matrix, of rows values. InvalidArgument when sizes do not fit together, or for more than 65,536 inputs as integers.
  static absl::StatusOr<DenseWeights> Pack(std::span<const MatrixView> weights,
                                           std::span<const std::span<const float>> biases,
                                           DensePrecision precision = DensePrecision::kFp32);

  int64_t inputs() const { return inputs_; }
  int64_t outputs() const { return outputs_; }
  DensePrecision precision() const { return precision_; }
  const float* panels() const { return panels_.data(); }   // kFp32
  const IntPanels& integers() const { return integers_; }  // else
  const float* bias() const { return bias_.size() > 0 ? bias_.data() : nullptr; }

 private:
  DensePrecision precision_ = DensePrecision::kFp32;
  int64_t inputs_ = 0, outputs_ = 0;
  AlignedBuffer<float> panels_;  // [ceil(outputs / 16)][inputs][16], zero past outputs
  IntPanels integers_;
  AlignedBuffer<float> bias_;  // padded to whole panels
};

// x: [m, inputs]   y: [m, outputs], may not overlap x   residual: empty, or [m, outputs], may be y
// InvalidArgument when the shapes do not fit together.
[[nodiscard]] absl::Status Dense(const OpContext& context, MatrixView x, const DenseWeights& weights,
                                 PointwiseFn activation, MatrixView residual, MutableMatrix y);

void DenseCpu(const OpContext& context, MatrixView x, const DenseWeights& weights, PointwiseFn activation,
              MatrixView residual, MutableMatrix y);

}  // namespace precis::engine
