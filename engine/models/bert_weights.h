// The weights of a BERT encoder (arXiv 1810.04805), read from a Hugging Face model and repacked for the CPU.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "cpu/thread_pool.h"
#include "formats/hf_config.h"
#include "formats/tensor_table.h"
#include "ops/dense.h"
#include "ops/layer_norm.h"
#include "tensor/aligned_buffer.h"

namespace precis::engine {

// Gamma and beta of one normalisation.
struct NormWeights {
  std::vector<float> gamma, beta;
  float eps = 0;
  LayerNormWeights view() const { return {gamma, beta, eps}; }
};

struct BertLayerWeights {
  DenseWeights qkv;  // query, key and value stacked
  DenseWeights attention_out;
  NormWeights attention_norm;
  DenseWeights ffn_in, ffn_out;
  NormWeights ffn_norm;
};

struct BertWeights {
  TensorView words;                // [vocabulary, hidden], in the file
  AlignedBuffer<float> positions;  // [max_positions, hidden], plus the vector of token type 0
  NormWeights embedding_norm;
  std::vector<BertLayerWeights> layers;
  int64_t parameters = 0;  // of the tensors above
};

// Names with or without "bert." in front, LayerNorm.weight/bias or gamma/beta; types F32, F16, BF16. Other tensors of
// the file (pooler, heads, position_ids) are not read. `words` stays a view of the file.
// Errors: NotFound (a tensor is missing), InvalidArgument (its shape is not the one that config.json asks for; with
// check_values, a NaN or infinity: with the tensor's name), Unimplemented (a type).
absl::StatusOr<BertWeights> LoadBertWeights(const TensorTable& tensors, const HfEncoderConfig& config,
                                            bool check_values);

}  // namespace precis::engine
