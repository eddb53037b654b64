// The weights of a T5 or mT5 model, repacked for ops/dense.h.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/hf_t5_config.h"
#include "formats/safetensors_set.h"
#include "formats/tensor_types.h"
#include "ops/dense.h"

namespace precis::engine {

struct T5Layer {
  std::vector<float> attention_norm, cross_norm, ffn_norm;  // [hidden]; cross only in the decoder
  DenseWeights qkv, attention_out;                          // [3 inner, hidden], [hidden, inner]
  DenseWeights cross_q, cross_kv, cross_out;                // decoder only; [2 inner, hidden] for keys and values
  DenseWeights ffn_in, ffn_out;                             // gated: [2 ffn, hidden], gate then up; else [ffn, hidden]
};

struct T5Weights {
  const TensorView* words = nullptr;  // [vocabulary, hidden], in the file: rows are read as they are needed
  std::vector<T5Layer> encoder, decoder;
  std::vector<float> encoder_norm, decoder_norm;  // [hidden]
  std::vector<float> encoder_bias, decoder_bias;  // [buckets, heads], of the first layer, used by all
  DenseWeights head;                              // [vocabulary, hidden]
  int64_t parameters = 0;
};

// Reads and repacks all. The file must outlive the result. Errors: NotFound (a tensor is missing), InvalidArgument (a
// wrong shape; with check_values a NaN or infinity), Unimplemented (a tensor that T5 does not have, or a type that is
// not read), each with the tensor's name.
absl::StatusOr<T5Weights> LoadT5Weights(const SafetensorsSet& file, const HfT5Config& config, bool check_values);

// The same checks of names, shapes and types from the header alone.
absl::Status CheckT5Tensors(const TensorTable& tensors, const HfT5Config& config);

}  // namespace precis::engine
