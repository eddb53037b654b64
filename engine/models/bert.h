// BERT (arXiv 1810.04805) and the encoders that came from it: token ids to one vector a token. What a family does
// differently is in its EncoderFamilySpec.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "formats/encoder_config.h"
#include "formats/weights_file.h"
#include "models/bert_weights.h"
#include "models/encoder_family.h"
#include "ops/activation.h"
#include "ops/context.h"
#include "ops/ragged.h"
#include "precis/base/call_context.h"
#include "tensor/aligned_buffer.h"

namespace precis::engine {

// What a forward pass writes; grows to the largest batch and is used again. One pass at a time.
struct BertActivations {
  AlignedBuffer<float> hidden;                // [tokens, hidden]: the result
  AlignedBuffer<float> normed;                // [tokens, hidden]: families with the norm before a part
  AlignedBuffer<float> qkv;                   // [tokens, 3 * hidden]
  AlignedBuffer<float> attention;             // [tokens, hidden]
  AlignedBuffer<float> inner;                 // [tokens, intermediate], twice that where it is gated
  AlignedBuffer<float> angles, local_angles;  // [tokens, head_dim]: rotary positions
};

// The same function under the name that ops have for it.
PointwiseFn PointwiseOf(Activation activation);

// Immutable and thread-safe.
class BertEncoder {
 public:
  // Errors as LoadBertWeights.
  static absl::StatusOr<std::unique_ptr<BertEncoder>> Load(WeightsFile file, const EncoderConfig& config,
                                                           bool check_values, const EncoderNumerics& numerics = {});

  const EncoderConfig& config() const { return config_; }
  const EncoderFamilySpec& spec() const { return spec_; }
  const WeightsFile& file() const { return file_; }  // for what is built on top: heads
  int64_t parameters() const { return weights_.parameters; }

  // The last hidden state of a ragged batch, in activations->hidden. `temperature`: TempScale's tau. `second`: empty,
  // or for each sequence the row of the batch from which its tokens have type 1 (the second text of a pair). Checks
  // `call` before every layer. Errors: InvalidArgument (an id outside the vocabulary, a sequence longer than the
  // positions), Cancelled, DeadlineExceeded.
  [[nodiscard]] absl::StatusOr<MatrixView> Forward(const OpContext& context, std::span<const int32_t> ids,
                                                   RaggedStarts starts, float temperature, const CallContext& call,
                                                   BertActivations* activations,
                                                   std::span<const int64_t> second = {}) const;

 private:
  explicit BertEncoder(WeightsFile file) : file_(std::move(file)) {}

  absl::Status Embed(const OpContext& context, std::span<const int32_t> ids, RaggedStarts starts,
                     std::span<const int64_t> second, BertActivations* activations, MutableMatrix hidden) const;
  // Attention of layer `index` over the input `x`; its heads' results side by side.
  absl::StatusOr<MatrixView> Attention(const OpContext& context, int64_t index, MatrixView x, RaggedStarts starts,
                                       float scale, BertActivations* activations) const;
  // The feed-forward of a layer over `x`, plus `hidden`.
  absl::Status FeedForward(const OpContext& context, const BertLayerWeights& layer, MatrixView x,
                           BertActivations* activations, MutableMatrix hidden) const;

  WeightsFile file_;  // holds weights_.words
  EncoderConfig config_;
  EncoderFamilySpec spec_;
  BertWeights weights_;
};

}  // namespace precis::engine
