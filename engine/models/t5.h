// T5 and mT5 (arXiv 1910.10683, 2010.11934): an encoder that reads the whole input, and a decoder that writes token by
// token, looking at what it wrote and at the encoder's states. In floats; one text at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "cpu/decode_kernels.h"
#include "formats/hf_t5_config.h"
#include "formats/safetensors_set.h"
#include "models/t5_weights.h"
#include "ops/context.h"
#include "precis/base/call_context.h"
#include "precis/engine/tokenizer.h"
#include "tensor/aligned_buffer.h"
#include "tensor/matrix.h"

namespace precis::engine {

// What the decoder keeps of one text: keys and values of the input, computed once, and of the tokens so far. One thread
// at a time.
class T5State {
 public:
  int64_t length() const { return length_; }  // tokens fed

 private:
  friend class T5Model;
  // Of one layer, head after head: keys [ceil(positions / 16)][head_dim][16], values [ceil(head_dim /
  // 16)][positions][16], as the attention kernel reads them.
  struct Memory {
    AlignedBuffer<float> keys, values;
  };
  std::vector<Memory> input_, text_;
  int64_t input_length_ = 0, room_ = 0, length_ = 0;
  AlignedBuffer<float> bias_;  // [heads][room + 15]: column room - 1 - n is for a key n tokens back
  AlignedBuffer<float> x_, normed_, qkv_, mixed_, wide_, scores_, logits_;
};

// Immutable after loading, thread-safe. Results depend neither on the number of threads nor on the instruction set.
class T5Model {
 public:
  // `isa` must be available. Errors: as LoadT5Weights.
  static absl::StatusOr<std::unique_ptr<T5Model>> Load(std::shared_ptr<const SafetensorsSet> file,
                                                       const HfT5Config& config, bool check_values, OpContext context);

  const HfT5Config& config() const { return config_; }
  int64_t parameters() const { return weights_.parameters; }

  // Runs the encoder over `input` (>= 1 token, ids inside the vocabulary) and makes room for a text of `room` >= 1
  // tokens. Errors: Cancelled, DeadlineExceeded (looked at before every layer).
  absl::StatusOr<std::unique_ptr<T5State>> Read(std::span<const TokenId> input, int64_t room,
                                                const CallContext& call) const;

  // Feeds the next token of the text, beginning with config().decoder_start; requires length() < room. The logits of
  // the token after it, [vocabulary], are valid until the state's next use.
  absl::StatusOr<std::span<const float>> Step(T5State* state, TokenId token) const;

  // log(sum(exp(logits))); NaN if one of them is.
  double LogSumExp(std::span<const float> logits) const {
    return kernels_.log_sum_exp(logits.data(), static_cast<int64_t>(logits.size()));
  }

 private:
  T5Model(std::shared_ptr<const SafetensorsSet> file, const HfT5Config& config, OpContext context);
  void Norm(MatrixView x, const std::vector<float>& weight, MutableMatrix y) const;
  absl::Status Embed(std::span<const TokenId> ids, MutableMatrix x) const;
  absl::Status FeedForward(const T5Layer& layer, MutableMatrix x, MutableMatrix normed, float* wide) const;
  absl::Status RememberInput(const T5Layer& layer, MatrixView states, T5State::Memory* memory, float* kv) const;
  // One query over `length` remembered positions, for each head. `bias`: null, or of key 0, heads `bias_stride` apart.
  void Attend(const float* q, const T5State::Memory& memory, int64_t length, int64_t room, const float* bias,
              int64_t bias_stride, float* scores, float* out) const;

  const std::shared_ptr<const SafetensorsSet> file_;
  const HfT5Config config_;
  const OpContext context_;
  const cpu::DecodeKernels& kernels_;
  T5Weights weights_;
};

}  // namespace precis::engine
