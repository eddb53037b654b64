#include "models/bert.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ops/bidirectional_attention.h"
#include "ops/dense.h"
#include "ops/layer_norm.h"
#include "ops/token_embeddings.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

PointwiseFn ActivationOf(const HfEncoderConfig& config) {
  switch (config.activation) {
    case Activation::kGelu:
      break;
    case Activation::kGeluTanh:
      return PointwiseFn::kGeluTanh;
    case Activation::kRelu:
      return PointwiseFn::kRelu;
    case Activation::kSilu:
      return PointwiseFn::kSilu;
  }
  return PointwiseFn::kGelu;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BertEncoder>> BertEncoder::Load(std::shared_ptr<const SafetensorsFile> file,
                                                               const HfEncoderConfig& config, bool check_values) {
  auto encoder = std::unique_ptr<BertEncoder>(new BertEncoder);
  PRECIS_ASSIGN_OR_RETURN(encoder->weights_, LoadBertWeights(file->tensors(), config, check_values));
  for (const TensorView& tensor : file->tensors().all()) {
    if (tensor.name != encoder->weights_.words.name) file->Release(tensor);  // repacked: the pages are not needed
  }
  encoder->config_ = config;
  encoder->file_ = std::move(file);
  return encoder;
}

absl::StatusOr<MatrixView> BertEncoder::Forward(const OpContext& context, std::span<const int32_t> ids,
                                                RaggedStarts starts, float temperature, const CallContext& call,
                                                BertActivations* activations) const {
  const int64_t tokens = static_cast<int64_t>(ids.size()), width = config_.hidden_size;
  activations->hidden.Grow(tokens * width);
  activations->qkv.Grow(tokens * 3 * width);
  activations->attention.Grow(tokens * width);
  activations->inner.Grow(tokens * config_.intermediate_size);
  const MutableMatrix hidden(activations->hidden.data(), tokens, width);
  const MutableMatrix qkv(activations->qkv.data(), tokens, 3 * width);
  const MutableMatrix attention(activations->attention.data(), tokens, width);
  const MutableMatrix inner(activations->inner.data(), tokens, config_.intermediate_size);

  const double head_dim = static_cast<double>(width / config_.attention_heads);
  const float scale = static_cast<float>(1.0 / (std::sqrt(head_dim) * static_cast<double>(temperature)));
  const PointwiseFn activation = ActivationOf(config_);

  const MatrixView positions(weights_.positions.data(), config_.max_position_embeddings, width);
  PRECIS_RETURN_IF_ERROR(TokenEmbeddings(context, weights_.words, positions, ids, starts, hidden));
  PRECIS_RETURN_IF_ERROR(LayerNorm(context, hidden, weights_.embedding_norm.view(), hidden));
  for (const BertLayerWeights& layer : weights_.layers) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    PRECIS_RETURN_IF_ERROR(Dense(context, hidden, layer.qkv, PointwiseFn::kNone, {}, qkv));
    PRECIS_RETURN_IF_ERROR(BidirectionalAttention(context, qkv, starts, config_.attention_heads, scale, attention));
    PRECIS_RETURN_IF_ERROR(Dense(context, attention, layer.attention_out, PointwiseFn::kNone, hidden, hidden));
    PRECIS_RETURN_IF_ERROR(LayerNorm(context, hidden, layer.attention_norm.view(), hidden));
    PRECIS_RETURN_IF_ERROR(Dense(context, hidden, layer.ffn_in, activation, {}, inner));
    PRECIS_RETURN_IF_ERROR(Dense(context, inner, layer.ffn_out, PointwiseFn::kNone, hidden, hidden));
    PRECIS_RETURN_IF_ERROR(LayerNorm(context, hidden, layer.ffn_norm.view(), hidden));
  }
  return MatrixView(hidden);
}

}  // namespace precis::engine
