#include "models/bert.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ops/bidirectional_attention.h"
#include "ops/dense.h"
#include "ops/gated_activation.h"
#include "ops/layer_norm.h"
#include "ops/rotary.h"
#include "ops/token_embeddings.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

PointwiseFn PointwiseOf(Activation activation) {
  switch (activation) {
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

absl::StatusOr<std::unique_ptr<BertEncoder>> BertEncoder::Load(WeightsFile file, const EncoderConfig& config,
                                                               bool check_values, const EncoderNumerics& numerics) {
  auto encoder = std::unique_ptr<BertEncoder>(new BertEncoder(std::move(file)));
  encoder->config_ = config;
  encoder->spec_ = SpecOf(config, encoder->file_.is_gguf());
  const TensorTable& tensors = encoder->file_.tensors();
  PRECIS_ASSIGN_OR_RETURN(encoder->weights_, LoadBertWeights(tensors, config, encoder->spec_, numerics, check_values));
  for (const TensorView& tensor : tensors.all()) {
    // Repacked: the pages are not needed.
    if (tensor.name != encoder->weights_.words.name) encoder->file_.Release(tensor);
  }
  return encoder;
}

absl::Status BertEncoder::Embed(const OpContext& context, std::span<const int32_t> ids, RaggedStarts starts,
                                std::span<const int64_t> second, BertActivations* activations,
                                MutableMatrix hidden) const {
  // Without learned positions every token has the one row.
  const int64_t stride = weights_.position_rows > 1 ? config_.hidden_size : 0;
  const MatrixView positions(weights_.positions.data(), config_.positions(), config_.hidden_size, stride);
  PRECIS_RETURN_IF_ERROR(TokenEmbeddings(context, weights_.words, positions, ids, starts, hidden));
  if (!second.empty() && !weights_.second_type.empty()) {
    PRECIS_RETURN_IF_ERROR(AddToSecondTexts(context, weights_.second_type, starts, second, hidden));
  }
  if (config_.rope_base > 0) {
    const int64_t tokens = hidden.rows, head_dim = config_.head_dim();
    activations->angles.Grow(tokens * head_dim);
    RotarySpec rotary{.head_dim = head_dim,
                      .base = config_.rope_base,
                      .trained = config_.trained_positions,
                      .factor = config_.ntk_factor};
    RotaryAngles(context, rotary, starts, MutableMatrix(activations->angles.data(), tokens, head_dim));
    if (config_.local_reach > 0) {
      activations->local_angles.Grow(tokens * head_dim);
      rotary.base = config_.local_rope_base;
      RotaryAngles(context, rotary, starts, MutableMatrix(activations->local_angles.data(), tokens, head_dim));
    }
  }
  return LayerNorm(context, hidden, weights_.embedding_norm.view(), hidden);
}

absl::StatusOr<MatrixView> BertEncoder::Attention(const OpContext& context, int64_t index, MatrixView x,
                                                  RaggedStarts starts, float scale,
                                                  BertActivations* activations) const {
  const bool local = config_.IsLocal(index);
  const MutableMatrix qkv(activations->qkv.data(), x.rows, 3 * x.columns);
  const MutableMatrix mixed(activations->attention.data(), x.rows, x.columns);
  PRECIS_RETURN_IF_ERROR(
      Dense(context, x, weights_.layers[static_cast<size_t>(index)].qkv, PointwiseFn::kNone, {}, qkv));
  if (config_.rope_base > 0) {
    const float* angles = local ? activations->local_angles.data() : activations->angles.data();
    PRECIS_RETURN_IF_ERROR(
        TurnQueriesAndKeys(context, MatrixView(angles, x.rows, config_.head_dim()), config_.attention_heads, qkv));
  }
  AttentionDistance distance;
  if (weights_.relative_bias.length > 0) distance.bias = weights_.relative_bias.view();
  if (local) distance.reach = config_.local_reach;
  PRECIS_RETURN_IF_ERROR(BidirectionalAttention(context, qkv, starts, config_.attention_heads, scale, mixed, distance));
  return MatrixView(mixed);
}

absl::Status BertEncoder::FeedForward(const OpContext& context, const BertLayerWeights& layer, MatrixView x,
                                      BertActivations* activations, MutableMatrix hidden) const {
  const PointwiseFn activation = PointwiseOf(config_.activation);
  const MutableMatrix inner(activations->inner.data(), x.rows, layer.ffn_in.outputs());
  if (!spec_.gated_ffn) {
    PRECIS_RETURN_IF_ERROR(Dense(context, x, layer.ffn_in, activation, {}, inner));
    return Dense(context, inner, layer.ffn_out, PointwiseFn::kNone, hidden, hidden);
  }
  PRECIS_RETURN_IF_ERROR(Dense(context, x, layer.ffn_in, PointwiseFn::kNone, {}, inner));
  const MutableMatrix gate = inner.Columns(0, inner.columns / 2);
  PRECIS_RETURN_IF_ERROR(GatedActivation(context, inner, activation, gate));
  return Dense(context, gate, layer.ffn_out, PointwiseFn::kNone, hidden, hidden);
}

absl::StatusOr<MatrixView> BertEncoder::Forward(const OpContext& context, std::span<const int32_t> ids,
                                                RaggedStarts starts, float temperature, const CallContext& call,
                                                BertActivations* activations, std::span<const int64_t> second) const {
  const int64_t tokens = static_cast<int64_t>(ids.size()), width = config_.hidden_size;
  activations->hidden.Grow(tokens * width);
  activations->qkv.Grow(tokens * 3 * width);
  activations->attention.Grow(tokens * width);
  activations->inner.Grow(tokens * weights_.layers.front().ffn_in.outputs());
  if (spec_.pre_norm) activations->normed.Grow(tokens * width);
  const MutableMatrix hidden(activations->hidden.data(), tokens, width);
  const MutableMatrix normed(activations->normed.data(), tokens, width);

  const double head_dim = static_cast<double>(config_.head_dim());
  const float scale = static_cast<float>(1.0 / (std::sqrt(head_dim) * static_cast<double>(temperature)));

  PRECIS_RETURN_IF_ERROR(Embed(context, ids, starts, second, activations, hidden));
  for (int64_t i = 0; i < config_.layers; ++i) {
    const BertLayerWeights& layer = weights_.layers[static_cast<size_t>(i)];
    PRECIS_RETURN_IF_ERROR(call.Check());
    MatrixView x = hidden;
    if (spec_.pre_norm && !layer.attention_norm.empty()) {
      PRECIS_RETURN_IF_ERROR(LayerNorm(context, hidden, layer.attention_norm.view(), normed));
      x = normed;
    }
    PRECIS_ASSIGN_OR_RETURN(const MatrixView mixed, Attention(context, i, x, starts, scale, activations));
    PRECIS_RETURN_IF_ERROR(Dense(context, mixed, layer.attention_out, PointwiseFn::kNone, hidden, hidden));
    const NormWeights& middle = spec_.pre_norm ? layer.ffn_norm : layer.attention_norm;
    const MutableMatrix into = spec_.pre_norm ? normed : hidden;
    PRECIS_RETURN_IF_ERROR(LayerNorm(context, hidden, middle.view(), into));
    PRECIS_RETURN_IF_ERROR(FeedForward(context, layer, into, activations, hidden));
    if (!spec_.pre_norm) PRECIS_RETURN_IF_ERROR(LayerNorm(context, hidden, layer.ffn_norm.view(), hidden));
  }
  if (!weights_.final_norm.empty()) {
    PRECIS_RETURN_IF_ERROR(LayerNorm(context, hidden, weights_.final_norm.view(), hidden));
  }
  return MatrixView(hidden);
}

}  // namespace precis::engine
