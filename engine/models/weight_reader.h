// Reads a model's tensors as floats by name, for its loaders: checks shapes and, on demand, every value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/tensor_table.h"
#include "ops/dense.h"
#include "ops/layer_norm.h"

namespace precis::engine {

// Gamma and beta of one normalisation.
struct NormWeights {
  std::vector<float> gamma, beta;  // as long as each other
  float eps = 0;
  bool empty() const { return gamma.empty(); }
  LayerNormWeights view() const { return {gamma, beta, eps}; }
};

// Errors of all methods: NotFound (a tensor is missing), InvalidArgument (its shape is not the one asked for; with
// check_values, a NaN or infinity), Unimplemented (a type that is not read), each with the tensor's name.
class WeightReader {
 public:
  // Names are `prefix` + name. The table outlives this.
  WeightReader(const TensorTable& tensors, std::string prefix, bool check_values)
      : tensors_(tensors), prefix_(std::move(prefix)), check_values_(check_values) {}

  const TensorTable& tensors() const { return tensors_; }
  bool check_values() const { return check_values_; }
  bool Has(const std::string& name) const { return tensors_.Find(prefix_ + name) != nullptr; }
  int64_t parameters() const { return parameters_; }  // of what was read so far

  absl::StatusOr<const TensorView*> Get(const std::string& name, const std::vector<int64_t>& shape);
  absl::StatusOr<std::vector<float>> Values(const TensorView& tensor) const;
  absl::StatusOr<std::vector<float>> GetValues(const std::string& name, const std::vector<int64_t>& shape);

  // name.weight and name.bias, or the older name.gamma and name.beta. Without `bias`, beta is zero.
  absl::StatusOr<NormWeights> Norm(const std::string& name, int64_t size, double eps, bool bias = true);

  // The matrices name.weight, each [outputs, inputs], stacked as one layer, with name.bias if `bias`.
  absl::StatusOr<DenseWeights> Stacked(const std::vector<std::string>& names, int64_t outputs, int64_t inputs,
                                       bool bias = true, DensePrecision precision = DensePrecision::kFp32);

 private:
  const TensorTable& tensors_;
  const std::string prefix_;
  const bool check_values_;
  int64_t parameters_ = 0;
};

}  // namespace precis::engine
