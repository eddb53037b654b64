// The weights of a decoder, repacked once from the file.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cpu/thread_pool.h"
#include "models/decoder_config.h"
#include "models/decoder_files.h"
#include "ops/linear.h"

namespace precis::engine {

struct DecoderLayer {
  std::vector<float> attention_norm, ffn_norm;            // [hidden]
  std::vector<float> post_attention_norm, post_ffn_norm;  // [hidden]; empty where the family has none
  std::vector<float> q_norm, k_norm;                      // [head_dim]; empty where the family has none
  ops::LinearWeights qkv;                                 // queries, keys, values side by side
  std::vector<float> qkv_bias;                            // as qkv's outputs; empty where the family has none
  ops::LinearWeights attention_output;
  ops::LinearWeights gate_up;  // gate, then up
  ops::LinearWeights down;
};

struct DecoderWeights {
  DecoderFiles files;                     // hold `embedding`
  const TensorView* embedding = nullptr;  // rows are dequantised as tokens ask for them
  std::vector<DecoderLayer> layers;
  std::vector<float> output_norm;
  ops::LinearWeights output;  // the embedding again when the model has no separate one
  int64_t parameters = 0;

  int64_t size_bytes() const;
};

// Errors: NotFound or InvalidArgument for a tensor that is missing or has another shape, Unimplemented for a type that
// no kernel takes or a tensor that the architecture does not know, by name. With `check`, every stored number is read
// first, and NaN or infinity is refused by the tensor's name.
absl::StatusOr<DecoderWeights> LoadDecoderWeights(DecoderFiles files, const DecoderConfig& config, bool exact,
                                                  bool check, cpu::ThreadPool* pool);

// The same errors from the headers alone.
absl::Status CheckDecoderTensors(const DecoderFiles& files, const DecoderConfig& config, bool exact);

}  // namespace precis::engine
