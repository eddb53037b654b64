// y = x W^T for weights in the packed formats, one or several matrices over the same input (a fused projection).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpu/decode_kernels.h"
#include "cpu/q_matrix.h"
#include "cpu/thread_pool.h"
#include "formats/tensor_types.h"

namespace precis::engine::ops {

// Rows of activations in the forms that weights want: floats, and quantised where a matrix is.
struct LinearInput {
  const float* x = nullptr;  // [rows][inputs]
  cpu::QuantizedRows q;      // filled by PrepareRow, unused with float weights
};

// Matrices side by side: the outputs of the first, then those of the second...
class LinearWeights {
 public:
  // Packs `tensors`, each [outputs, inputs] with equal inputs. `exact`: as floats; else in the quantised format of
  // each tensor's type (as floats where inputs is no multiple of 32), with activations as QuantizedRows says for
  // `wide_above`. Unimplemented, by name, for a type that neither takes.
  static absl::StatusOr<LinearWeights> Pack(const std::vector<const TensorView*>& tensors, bool exact, float wide_above,
                                            cpu::ThreadPool* pool);

  // The same errors without packing.
  static absl::Status CheckTypes(const std::vector<const TensorView*>& tensors, bool exact);

  int64_t outputs() const { return outputs_; }
  int64_t inputs() const { return inputs_; }
  int64_t size_bytes() const;
  bool quantized() const { return quantized_; }  // some matrix wants quantised activations
  float wide_above() const { return wide_above_; }

  const std::vector<cpu::PackedMatrix>& parts() const { return parts_; }

 private:
  std::vector<cpu::PackedMatrix> parts_;
  int64_t outputs_ = 0, inputs_ = 0;
  bool quantized_ = false;
  float wide_above_ = 0;
};

// Quantises row r of the input, if these weights want that.
void PrepareRow(const cpu::DecodeKernels& kernels, const LinearWeights& w, const LinearInput& in, int64_t r);

// y[r][n]: [rows][outputs], may not alias x. Split over outputs; every row's result is the same alone or among others.
void Linear(const cpu::DecodeKernels& kernels, cpu::ThreadPool* pool, const LinearWeights& w, const LinearInput& in,
            int64_t rows, float* y);

}  // namespace precis::engine::ops
