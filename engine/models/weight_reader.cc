#include "models/weight_reader.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::StatusOr<const TensorView*> WeightReader::Get(const std::string& name, const std::vector<int64_t>& shape) {
  PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, tensors_.Get(prefix_ + name, shape));
  parameters_ += tensor->elements();
  return tensor;
}

absl::StatusOr<std::vector<float>> WeightReader::Values(const TensorView& tensor) const {
  PRECIS_ASSIGN_OR_RETURN(std::vector<float> values, Dequantize(tensor));
  if (!check_values_) return values;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat("tensor '", tensor.name, "' of '", tensors_.origin(),
                                                   "' has the value ", values[i], " at index ", i,
                                                   ": the file is damaged, fetch it again"));
  }
  return values;
}

absl::StatusOr<std::vector<float>> WeightReader::GetValues(const std::string& name, const std::vector<int64_t>& shape) {
  PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, Get(name, shape));
  return Values(*tensor);
}

absl::StatusOr<NormWeights> WeightReader::Norm(const std::string& name, int64_t size, double eps, bool bias) {
  // The newer name if it is there, or if none is: then it is the one in the message.
  const auto either = [&](const std::string& newer, const std::string& older) {
    return GetValues(Has(newer) || !Has(older) ? newer : older, {size});
  };
  NormWeights norm;
  norm.eps = static_cast<float>(eps);
  PRECIS_ASSIGN_OR_RETURN(norm.gamma, either(name + ".weight", name + ".gamma"));
  if (!bias) {
    norm.beta.assign(static_cast<size_t>(size), 0.0f);
    return norm;
  }
  PRECIS_ASSIGN_OR_RETURN(norm.beta, either(name + ".bias", name + ".beta"));
  return norm;
}

absl::StatusOr<DenseWeights> WeightReader::Stacked(const std::vector<std::string>& names, int64_t outputs,
                                                   int64_t inputs, bool bias, DensePrecision precision) {
  std::vector<std::vector<float>> weights, biases;
  for (const std::string& name : names) {
    PRECIS_ASSIGN_OR_RETURN(weights.emplace_back(), GetValues(name + ".weight", {outputs, inputs}));
    if (!bias) continue;
    PRECIS_ASSIGN_OR_RETURN(biases.emplace_back(), GetValues(name + ".bias", {outputs}));
  }
  std::vector<MatrixView> views;
  for (const auto& values : weights) views.emplace_back(values.data(), outputs, inputs);
  const std::vector<std::span<const float>> bias_views(biases.begin(), biases.end());
  return DenseWeights::Pack(views, bias_views, precision);
}

}  // namespace precis::engine
