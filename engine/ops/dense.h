// y = activation(x W^T + b) + residual, in fp32.
//
// Each output is one sum over the inputs in increasing order, fused: rows do not influence each other, and neither the
// number of rows or threads nor the instruction set changes a bit.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/activation.h"
#include "ops/context.h"
#include "tensor/aligned_buffer.h"
#include "tensor/matrix.h"

namespace precis::engine {

// How a dense layer keeps its weights and multiplies. Chosen with the model's numeric mode, never by the CPU.
enum class DensePrecision { kFp32 };

// What Pack should know beyond the weights. A family says what feeds the layer and passes the precision on; how the
// numbers are kept is nobody else's business.
struct DensePacking {
  DensePrecision precision = DensePrecision::kFp32;
  // What to expect of each input: its mean and its spread (a standard deviation, in any unit). Behind a LayerNorm they
  // are beta and gamma. Empty: nothing is known. They move the grid of a quantised layer and change nothing in fp32.
  std::span<const float> input_mean = {}, input_spread = {};
};

// A weight matrix [outputs, inputs] repacked once: panels of 16 outputs, in each the inputs one after the other.
// Immutable after packing.
class DenseWeights {
 public:
  DenseWeights() = default;

  // Stacks the rows of several matrices with equal numbers of columns (fused Q, K, V). `biases`: none, or one for each
  // matrix, of rows values. InvalidArgument when sizes do not fit together.
  static absl::StatusOr<DenseWeights> Pack(std::span<const MatrixView> weights,
                                           std::span<const std::span<const float>> biases,
                                           const DensePacking& packing = {});

  int64_t inputs() const { return inputs_; }
  int64_t outputs() const { return outputs_; }
  const float* panels() const { return panels_.data(); }
  const float* bias() const { return bias_.size() > 0 ? bias_.data() : nullptr; }

 private:
  int64_t inputs_ = 0, outputs_ = 0;
  AlignedBuffer<float> panels_;  // [ceil(outputs / 16)][inputs][16], zero past outputs
  AlignedBuffer<float> bias_;    // padded to whole panels
};

// x: [m, inputs]   y: [m, outputs], may not overlap x   residual: empty, or [m, outputs], may be y
// InvalidArgument when the shapes do not fit together.
[[nodiscard]] absl::Status Dense(const OpContext& context, MatrixView x, const DenseWeights& weights,
                                 PointwiseFn activation, MatrixView residual, MutableMatrix y);

void DenseCpu(const OpContext& context, MatrixView x, const DenseWeights& weights, PointwiseFn activation,
              MatrixView residual, MutableMatrix y);

}  // namespace precis::engine
