#include "models/t5.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cpu/float_kernels.h"
#include "cpu/vec16.h"
#include "formats/dequantize.h"
#include "ops/bidirectional_attention.h"
#include "ops/gated_activation.h"
#include "ops/relative_position.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

PointwiseFn FnOf(T5Activation activation) {
  switch (activation) {
    case T5Activation::kRelu:
      break;
    case T5Activation::kGeluTanh:
      return PointwiseFn::kGeluTanh;
    case T5Activation::kSilu:
      return PointwiseFn::kSilu;
  }
  return PointwiseFn::kRelu;
}

// Floats of one head's keys, and of its values.
int64_t KeyFloats(const HfT5Config& c, int64_t room) { return cpu::PadToLanes(room) * c.head_dim; }
int64_t ValueFloats(const HfT5Config& c, int64_t room) { return room * cpu::PadToLanes(c.head_dim); }

}  // namespace

T5Model::T5Model(std::shared_ptr<const SafetensorsSet> file, const HfT5Config& config, OpContext context)
    : file_(std::move(file)), config_(config), context_(context), kernels_(cpu::GetDecodeKernels(context.isa)) {}

absl::StatusOr<std::unique_ptr<T5Model>> T5Model::Load(std::shared_ptr<const SafetensorsSet> file,
                                                       const HfT5Config& config, bool check_values, OpContext context) {
  std::unique_ptr<T5Model> model(new T5Model(std::move(file), config, context));
  PRECIS_ASSIGN_OR_RETURN(model->weights_, LoadT5Weights(*model->file_, config, check_values));
  return model;
}

void T5Model::Norm(MatrixView x, const std::vector<float>& weight, MutableMatrix y) const {
  context_.pool->ParallelFor(x.rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      kernels_.rms_norm(x.row(r), weight.data(), x.columns, static_cast<float>(config_.norm_eps), y.row(r));
    }
  });
}

absl::Status T5Model::Embed(std::span<const TokenId> ids, MutableMatrix x) const {
  for (int64_t r = 0; r < x.rows; ++r) {
    PRECIS_RETURN_IF_ERROR(DequantizeRow(weights_.words->type, weights_.words->row(ids[static_cast<size_t>(r)]),
                                         {x.row(r), static_cast<size_t>(x.columns)}));
  }
  return absl::OkStatus();
}

absl::Status T5Model::FeedForward(const T5Layer& layer, MutableMatrix x, MutableMatrix normed, float* wide) const {
  const PointwiseFn fn = FnOf(config_.activation);
  const MutableMatrix in(wide, x.rows, layer.ffn_in.outputs());
  Norm(x, layer.ffn_norm, normed);
  PRECIS_RETURN_IF_ERROR(Dense(context_, normed, layer.ffn_in, config_.gated ? PointwiseFn::kNone : fn, {}, in));
  const MutableMatrix middle = in.Columns(0, config_.ffn);
  if (config_.gated) PRECIS_RETURN_IF_ERROR(GatedActivation(context_, in, fn, middle));
  return Dense(context_, middle, layer.ffn_out, PointwiseFn::kNone, x, x);
}

absl::Status T5Model::RememberInput(const T5Layer& layer, MatrixView states, T5State::Memory* memory, float* kv) const {
  const int64_t inner = config_.inner(), length = states.rows;
  PRECIS_RETURN_IF_ERROR(
      Dense(context_, states, layer.cross_kv, PointwiseFn::kNone, {}, MutableMatrix(kv, length, 2 * inner)));
  memory->keys = AlignedBuffer<float>::Zeros(config_.heads * KeyFloats(config_, length));
  memory->values = AlignedBuffer<float>::Zeros(config_.heads * ValueFloats(config_, length));
  const cpu::FloatKernels& kernels = cpu::FloatKernelsFor(context_.isa);
  for (int64_t h = 0; h < config_.heads; ++h) {
    const float* key = kv + h * config_.head_dim;
    kernels.pack_keys(key, 2 * inner, length, config_.head_dim, memory->keys.data() + h * KeyFloats(config_, length));
    kernels.pack_values(key + inner, 2 * inner, length, config_.head_dim,
                        memory->values.data() + h * ValueFloats(config_, length));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<T5State>> T5Model::Read(std::span<const TokenId> input, int64_t room,
                                                       const CallContext& call) const {
  const HfT5Config& c = config_;
  const int64_t length = static_cast<int64_t>(input.size()), inner = c.inner();
  AlignedBuffer<float> x_data(length * c.hidden), normed_data(length * c.hidden), qkv_data(length * 3 * inner);
  AlignedBuffer<float> mixed_data(length * inner), wide((c.gated ? 2 : 1) * length * c.ffn);
  const MutableMatrix x(x_data.data(), length, c.hidden), normed(normed_data.data(), length, c.hidden);
  const MutableMatrix qkv(qkv_data.data(), length, 3 * inner), mixed(mixed_data.data(), length, inner);
  const int64_t starts[] = {0, length};
  const RelativeBias bias =
      MakeRelativeBias(MatrixView(weights_.encoder_bias.data(), c.buckets, c.heads), c.max_distance, length, 1.0f);
  PRECIS_RETURN_IF_ERROR(Embed(input, x));
  for (const T5Layer& layer : weights_.encoder) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    Norm(x, layer.attention_norm, normed);
    PRECIS_RETURN_IF_ERROR(Dense(context_, normed, layer.qkv, PointwiseFn::kNone, {}, qkv));
    // T5 leaves out 1 / sqrt(head_dim): it was taken into the first weights.
    PRECIS_RETURN_IF_ERROR(BidirectionalAttention(context_, qkv, starts, c.heads, 1.0f, mixed, {.bias = bias.view()}));
    PRECIS_RETURN_IF_ERROR(Dense(context_, mixed, layer.attention_out, PointwiseFn::kNone, x, x));
    PRECIS_RETURN_IF_ERROR(FeedForward(layer, x, normed, wide.data()));
  }
  Norm(x, weights_.encoder_norm, normed);

  auto state = std::make_unique<T5State>();
  state->input_length_ = length;
  state->room_ = room;
  for (const T5Layer& layer : weights_.decoder) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    PRECIS_RETURN_IF_ERROR(RememberInput(layer, normed, &state->input_.emplace_back(), qkv.data));
    T5State::Memory& text = state->text_.emplace_back();
    text.keys = AlignedBuffer<float>::Zeros(c.heads * KeyFloats(c, room));
    text.values = AlignedBuffer<float>::Zeros(c.heads * ValueFloats(c, room));
  }
  // The kernel reads whole panels of keys: up to 15 columns past the last.
  const int64_t columns = room + cpu::kLanes - 1;
  state->bias_ = AlignedBuffer<float>::Zeros(c.heads * columns);
  for (int64_t h = 0; h < c.heads; ++h) {
    for (int64_t back = 0; back < room; ++back) {
      const int64_t bucket = CausalBucket(back, c.buckets, c.max_distance);
      state->bias_[h * columns + room - 1 - back] = weights_.decoder_bias[static_cast<size_t>(bucket * c.heads + h)];
    }
  }
  state->x_.Grow(c.hidden);
  state->normed_.Grow(c.hidden);
  state->qkv_.Grow(3 * inner);
  state->mixed_.Grow(inner);
  state->wide_.Grow(2 * c.ffn);
  state->scores_.Grow(cpu::AttentionHeadScratch(std::max(length, room)));
  state->logits_.Grow(c.vocabulary);
  return state;
}

void T5Model::Attend(const float* q, const T5State::Memory& memory, int64_t length, int64_t room, const float* bias,
                     int64_t bias_stride, float* scores, float* out) const {
  const cpu::FloatKernels& kernels = cpu::FloatKernelsFor(context_.isa);
  for (int64_t h = 0; h < config_.heads; ++h) {
    const cpu::AttentionHeadArgs args{.q = q + h * config_.head_dim,
                                      .ldq = config_.inner(),
                                      .keys = memory.keys.data() + h * KeyFloats(config_, room),
                                      .values = memory.values.data() + h * ValueFloats(config_, room),
                                      .length = length,
                                      .value_rows = room,
                                      .bias = bias == nullptr ? nullptr : bias + h * bias_stride,
                                      .head_dim = config_.head_dim,
                                      .scale = 1,
                                      .out = out + h * config_.head_dim,
                                      .ldo = config_.inner()};
    kernels.attention(args, 0, 1, scores);
  }
}

absl::StatusOr<std::span<const float>> T5Model::Step(T5State* s, TokenId token) const {
  const HfT5Config& c = config_;
  const int64_t inner = c.inner(), at = s->length_, room = s->room_, columns = room + cpu::kLanes - 1;
  const MutableMatrix x(s->x_.data(), 1, c.hidden), normed(s->normed_.data(), 1, c.hidden);
  const MutableMatrix qkv(s->qkv_.data(), 1, 3 * inner), mixed(s->mixed_.data(), 1, inner);
  PRECIS_RETURN_IF_ERROR(Embed({&token, 1}, x));
  for (size_t l = 0; l < weights_.decoder.size(); ++l) {
    const T5Layer& layer = weights_.decoder[l];
    T5State::Memory& text = s->text_[l];
    Norm(x, layer.attention_norm, normed);
    PRECIS_RETURN_IF_ERROR(Dense(context_, normed, layer.qkv, PointwiseFn::kNone, {}, qkv));
    for (int64_t h = 0; h < c.heads; ++h) {
      const float* key = qkv.data + inner + h * c.head_dim;
      float* keys = text.keys.data() + h * KeyFloats(c, room) + at / 16 * 16 * c.head_dim + at % 16;
      float* values = text.values.data() + h * ValueFloats(c, room) + at * 16;
      for (int64_t d = 0; d < c.head_dim; ++d) {
        keys[d * 16] = key[d];
        values[d / 16 * 16 * room + d % 16] = key[inner + d];
      }
    }
    Attend(qkv.data, text, at + 1, room, s->bias_.data() + room - 1 - at, columns, s->scores_.data(), mixed.data);
    PRECIS_RETURN_IF_ERROR(Dense(context_, mixed, layer.attention_out, PointwiseFn::kNone, x, x));

    Norm(x, layer.cross_norm, normed);
    const MutableMatrix query(qkv.data, 1, inner);
    PRECIS_RETURN_IF_ERROR(Dense(context_, normed, layer.cross_q, PointwiseFn::kNone, {}, query));
    Attend(query.data, s->input_[l], s->input_length_, s->input_length_, nullptr, 0, s->scores_.data(), mixed.data);
    PRECIS_RETURN_IF_ERROR(Dense(context_, mixed, layer.cross_out, PointwiseFn::kNone, x, x));
    PRECIS_RETURN_IF_ERROR(FeedForward(layer, x, normed, s->wide_.data()));
  }
  Norm(x, weights_.decoder_norm, normed);
  if (c.scaled_output) {
    const float scale = 1 / std::sqrt(static_cast<float>(c.hidden));
    for (int64_t i = 0; i < c.hidden; ++i) normed.data[i] *= scale;
  }
  ++s->length_;
  PRECIS_RETURN_IF_ERROR(Dense(context_, normed, weights_.head, PointwiseFn::kNone, {},
                               MutableMatrix(s->logits_.data(), 1, c.vocabulary)));
  return std::span<const float>(s->logits_.data(), static_cast<size_t>(c.vocabulary));
}

}  // namespace precis::engine
