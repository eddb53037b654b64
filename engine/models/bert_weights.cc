#include "models/bert_weights.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

class Loader {
 public:
  Loader(const TensorTable& tensors, const HfEncoderConfig& config, bool check_values)
      : tensors_(tensors), config_(config), check_values_(check_values) {
    if (tensors_.Find("embeddings.word_embeddings.weight") == nullptr) prefix_ = "bert.";
  }

  absl::StatusOr<BertWeights> Load() {
    const int64_t hidden = config_.hidden_size;
    BertWeights weights;
    PRECIS_ASSIGN_OR_RETURN(const TensorView* words,
                            Get("embeddings.word_embeddings.weight", {config_.vocabulary_size, hidden}));
    weights.words = *words;
    if (check_values_) PRECIS_RETURN_IF_ERROR(Values(*words).status());
    PRECIS_ASSIGN_OR_RETURN(weights.positions, Positions());
    PRECIS_ASSIGN_OR_RETURN(weights.embedding_norm, Norm("embeddings.LayerNorm"));
    weights.layers.resize(static_cast<size_t>(config_.layers));
    for (size_t i = 0; i < weights.layers.size(); ++i) {
      PRECIS_RETURN_IF_ERROR(Layer(absl::StrCat("encoder.layer.", i, "."), &weights.layers[i]));
    }
    weights.parameters = parameters_;
    return weights;
  }

 private:
  absl::StatusOr<const TensorView*> Get(const std::string& name, const std::vector<int64_t>& shape) {
    PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, tensors_.Get(prefix_ + name, shape));
    parameters_ += tensor->elements();
    return tensor;
  }

  absl::StatusOr<std::vector<float>> Values(const TensorView& tensor) {
    PRECIS_ASSIGN_OR_RETURN(std::vector<float> values, Dequantize(tensor));
    if (check_values_) {
      for (size_t i = 0; i < values.size(); ++i) {
        if (!std::isfinite(values[i])) {
          return absl::InvalidArgumentError(absl::StrCat("tensor '", tensor.name, "' of '", tensors_.origin(),
                                                         "' has the value ", values[i], " at index ", i,
                                                         ": the file is damaged, fetch it again"));
        }
      }
    }
    return values;
  }

  absl::StatusOr<std::vector<float>> GetValues(const std::string& name, const std::vector<int64_t>& shape) {
    PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, Get(name, shape));
    return Values(*tensor);
  }

  // The newer name if it is there.
  absl::StatusOr<std::vector<float>> EitherVector(const std::string& name, const std::string& old_name) {
    const bool is_new = tensors_.Find(prefix_ + name) != nullptr || tensors_.Find(prefix_ + old_name) == nullptr;
    return GetValues(is_new ? name : old_name, {config_.hidden_size});
  }

  absl::StatusOr<NormWeights> Norm(const std::string& name) {
    NormWeights norm;
    PRECIS_ASSIGN_OR_RETURN(norm.gamma, EitherVector(name + ".weight", name + ".gamma"));
    PRECIS_ASSIGN_OR_RETURN(norm.beta, EitherVector(name + ".bias", name + ".beta"));
    norm.eps = static_cast<float>(config_.layer_norm_eps);
    return norm;
  }

  // Every token of an embedded text has type 0, so that vector belongs to the positions.
  absl::StatusOr<AlignedBuffer<float>> Positions() {
    const int64_t hidden = config_.hidden_size, rows = config_.max_position_embeddings;
    PRECIS_ASSIGN_OR_RETURN(const std::vector<float> positions,
                            GetValues("embeddings.position_embeddings.weight", {rows, hidden}));
    std::vector<float> type(static_cast<size_t>(hidden), 0.0f);
    if (config_.type_vocabulary_size > 0) {
      PRECIS_ASSIGN_OR_RETURN(const std::vector<float> types, GetValues("embeddings.token_type_embeddings.weight",
                                                                        {config_.type_vocabulary_size, hidden}));
      type.assign(types.begin(), types.begin() + hidden);
    }
    AlignedBuffer<float> sum(rows * hidden);
    for (int64_t i = 0; i < rows * hidden; ++i) sum[i] = positions[i] + type[i % hidden];
    return sum;
  }

  // The matrices `names`, each [outputs, inputs], as one layer.
  absl::StatusOr<DenseWeights> Stacked(const std::vector<std::string>& names, int64_t outputs, int64_t inputs) {
    std::vector<std::vector<float>> weights, biases;
    for (const std::string& name : names) {
      PRECIS_ASSIGN_OR_RETURN(weights.emplace_back(), GetValues(name + ".weight", {outputs, inputs}));
      PRECIS_ASSIGN_OR_RETURN(biases.emplace_back(), GetValues(name + ".bias", {outputs}));
    }
    std::vector<MatrixView> views;
    for (const auto& values : weights) views.emplace_back(values.data(), outputs, inputs);
    const std::vector<std::span<const float>> bias_views(biases.begin(), biases.end());
    return DenseWeights::Pack(views, bias_views);
  }

  absl::Status Layer(const std::string& layer, BertLayerWeights* out) {
    const int64_t hidden = config_.hidden_size, inner = config_.intermediate_size;
    const std::string self = layer + "attention.self.";
    PRECIS_ASSIGN_OR_RETURN(out->qkv, Stacked({self + "query", self + "key", self + "value"}, hidden, hidden));
    PRECIS_ASSIGN_OR_RETURN(out->attention_out, Stacked({layer + "attention.output.dense"}, hidden, hidden));
    PRECIS_ASSIGN_OR_RETURN(out->attention_norm, Norm(layer + "attention.output.LayerNorm"));
    PRECIS_ASSIGN_OR_RETURN(out->ffn_in, Stacked({layer + "intermediate.dense"}, inner, hidden));
    PRECIS_ASSIGN_OR_RETURN(out->ffn_out, Stacked({layer + "output.dense"}, hidden, inner));
    PRECIS_ASSIGN_OR_RETURN(out->ffn_norm, Norm(layer + "output.LayerNorm"));
    return absl::OkStatus();
  }

  const TensorTable& tensors_;
  const HfEncoderConfig& config_;
  const bool check_values_;
  std::string prefix_;
  int64_t parameters_ = 0;
};

}  // namespace

absl::StatusOr<BertWeights> LoadBertWeights(const TensorTable& tensors, const HfEncoderConfig& config,
                                            bool check_values) {
  return Loader(tensors, config, check_values).Load();
}

}  // namespace precis::engine
