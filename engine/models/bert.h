// BERT (arXiv 1810.04805): a post-norm transformer encoder with learned positions. Token ids to one vector a token.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "formats/hf_config.h"
#include "formats/safetensors.h"
#include "models/bert_weights.h"
#include "ops/context.h"
#include "ops/ragged.h"
#include "precis/base/call_context.h"
#include "tensor/aligned_buffer.h"

namespace precis::engine {

// What a forward pass writes; grows to the largest batch and is used again. One pass at a time.
struct BertActivations {
  AlignedBuffer<float> hidden;     // [tokens, hidden]: the result
  AlignedBuffer<float> qkv;        // [tokens, 3 * hidden]
  AlignedBuffer<float> attention;  // [tokens, hidden]
  AlignedBuffer<float> inner;      // [tokens, intermediate]
};

// Immutable and thread-safe.
class BertEncoder {
 public:
  // Errors as LoadBertWeights.
  static absl::StatusOr<std::unique_ptr<BertEncoder>> Load(std::shared_ptr<const SafetensorsFile> file,
                                                           const HfEncoderConfig& config, bool check_values);

  const HfEncoderConfig& config() const { return config_; }
  int64_t parameters() const { return weights_.parameters; }

  // The last hidden state of a ragged batch, in activations->hidden. `temperature`: TempScale's tau. Checks `call`
  // before every layer. Errors: InvalidArgument (an id outside the vocabulary, a sequence longer than the positions),
  // Cancelled, DeadlineExceeded.
  [[nodiscard]] absl::StatusOr<MatrixView> Forward(const OpContext& context, std::span<const int32_t> ids,
                                                   RaggedStarts starts, float temperature, const CallContext& call,
                                                   BertActivations* activations) const;

 private:
  BertEncoder() = default;
  std::shared_ptr<const SafetensorsFile> file_;  // holds weights_.words
  HfEncoderConfig config_;
  BertWeights weights_;
};

}  // namespace precis::engine
