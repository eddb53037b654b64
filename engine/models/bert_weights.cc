#include "models/bert_weights.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

// T5's distances end here (MPNet's code has the number too).
constexpr int64_t kMaxRelativeDistance = 128;

// The first prefix under which the word table is there; the first of all where it is nowhere, for the message.
std::string PrefixOf(const TensorTable& tensors, const EncoderFamilySpec& spec) {
  for (const std::string& prefix : spec.prefixes) {
    if (tensors.Find(prefix + spec.words + ".weight") != nullptr) return prefix;
  }
  return spec.prefixes.front();
}

class Loader {
 public:
  Loader(const TensorTable& tensors, const EncoderConfig& config, const EncoderFamilySpec& spec,
         const EncoderNumerics& numerics, bool check_values)
      : config_(config), spec_(spec), numerics_(numerics), reader_(tensors, PrefixOf(tensors, spec), check_values) {}

  absl::StatusOr<BertWeights> Load() {
    const int64_t hidden = config_.hidden_size;
    BertWeights weights;
    PRECIS_ASSIGN_OR_RETURN(const TensorView* words,
                            reader_.Get(spec_.words + ".weight", {config_.vocabulary_size, hidden}));
    weights.words = *words;
    if (reader_.check_values()) PRECIS_RETURN_IF_ERROR(reader_.Values(*words).status());
    PRECIS_RETURN_IF_ERROR(Positions(&weights));
    PRECIS_ASSIGN_OR_RETURN(weights.embedding_norm, Norm(spec_.embedding_norm));
    if (!spec_.final_norm.empty()) {
      PRECIS_ASSIGN_OR_RETURN(weights.final_norm, Norm(spec_.final_norm));
    }
    if (!spec_.relative_bias.empty()) {
      const int64_t buckets = config_.relative_buckets, heads = config_.attention_heads;
      PRECIS_ASSIGN_OR_RETURN(const std::vector<float> table,
                              reader_.GetValues(spec_.relative_bias + ".weight", {buckets, heads}));
      weights.relative_bias =
          MakeRelativeBias(MatrixView(table.data(), buckets, heads), kMaxRelativeDistance, config_.positions(),
                           static_cast<float>(std::sqrt(static_cast<double>(config_.head_dim()))));
    }
    weights.layers.resize(static_cast<size_t>(config_.layers));
    for (size_t i = 0; i < weights.layers.size(); ++i) {
      PRECIS_RETURN_IF_ERROR(Layer(i, &weights.layers[i]));
    }
    weights.parameters = reader_.parameters();
    return weights;
  }

 private:
  absl::StatusOr<NormWeights> Norm(const std::string& name) {
    return reader_.Norm(name, config_.hidden_size, config_.layer_norm_eps, config_.norm_bias);
  }

  // Every token of a text alone has type 0, so that vector belongs to the positions.
  absl::Status Positions(BertWeights* weights) {
    const int64_t hidden = config_.hidden_size, all = config_.max_position_embeddings;
    std::vector<float> table(static_cast<size_t>(hidden), 0.0f);
    weights->position_rows = 1;
    int64_t skipped = 0;
    if (!spec_.positions.empty()) {
      PRECIS_ASSIGN_OR_RETURN(table, reader_.GetValues(spec_.positions + ".weight", {all, hidden}));
      weights->position_rows = config_.positions();
      skipped = config_.position_offset;
    }
    std::vector<float> type(static_cast<size_t>(hidden), 0.0f);
    if (!spec_.types.empty() && config_.type_vocabulary_size > 0) {
      PRECIS_ASSIGN_OR_RETURN(const std::vector<float> types,
                              reader_.GetValues(spec_.types + ".weight", {config_.type_vocabulary_size, hidden}));
      type.assign(types.begin(), types.begin() + hidden);
      if (config_.type_vocabulary_size > 1) {
        for (int64_t j = 0; j < hidden; ++j) weights->second_type.push_back(types[hidden + j] - types[j]);
      }
    }
    const int64_t size = weights->position_rows * hidden;
    weights->positions = AlignedBuffer<float>(size);
    const float* from = table.data() + skipped * hidden;
    for (int64_t i = 0; i < size; ++i) weights->positions[i] = from[i] + type[i % hidden];
    return absl::OkStatus();
  }

  absl::StatusOr<DenseWeights> Qkv(const std::string& layer) {
    const int64_t hidden = config_.hidden_size;
    const bool otherwise = !spec_.qkv_otherwise.empty() && !reader_.Has(layer + spec_.qkv.front() + ".weight");
    std::vector<std::string> names;
    for (const std::string& name : otherwise ? spec_.qkv_otherwise : spec_.qkv) names.push_back(layer + name);
    return reader_.Stacked(names, names.size() == 1 ? 3 * hidden : hidden, hidden, config_.attention_bias,
                           numerics_.qkv);
  }

  absl::StatusOr<DenseWeights> FfnIn(const std::string& layer) {
    std::vector<std::string> names;
    for (const std::string& name : spec_.ffn_in) names.push_back(layer + name);
    const int64_t parts = spec_.gated_ffn && names.size() == 1 ? 2 : 1;
    return reader_.Stacked(names, parts * config_.intermediate_size, config_.hidden_size, config_.ffn_bias,
                           numerics_.others);
  }

  absl::Status Layer(size_t index, BertLayerWeights* out) {
    const std::string layer = absl::StrCat(spec_.layer, index, ".");
    const int64_t hidden = config_.hidden_size, inner = config_.intermediate_size;
    if (index > 0 || spec_.first_layer_norm) {
      PRECIS_ASSIGN_OR_RETURN(out->attention_norm, Norm(layer + spec_.attention_norm));
    }
    PRECIS_ASSIGN_OR_RETURN(out->ffn_norm, Norm(layer + spec_.ffn_norm));
    PRECIS_ASSIGN_OR_RETURN(out->qkv, Qkv(layer));
    PRECIS_ASSIGN_OR_RETURN(out->attention_out, reader_.Stacked({layer + spec_.attention_out}, hidden, hidden,
                                                                config_.attention_bias, numerics_.others));
    PRECIS_ASSIGN_OR_RETURN(out->ffn_in, FfnIn(layer));
    PRECIS_ASSIGN_OR_RETURN(
        out->ffn_out, reader_.Stacked({layer + spec_.ffn_out}, hidden, inner, config_.ffn_bias, numerics_.others));
    return absl::OkStatus();
  }

  const EncoderConfig& config_;
  const EncoderFamilySpec& spec_;
  const EncoderNumerics& numerics_;
  WeightReader reader_;
};

}  // namespace

absl::StatusOr<BertWeights> LoadBertWeights(const TensorTable& tensors, const EncoderConfig& config,
                                            const EncoderFamilySpec& spec, const EncoderNumerics& numerics,
                                            bool check_values) {
  return Loader(tensors, config, spec, numerics, check_values).Load();
}

}  // namespace precis::engine
