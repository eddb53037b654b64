// The weights of an encoder of any family (encoder_family.h), read from a model file and repacked for the CPU.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "cpu/thread_pool.h"
#include "formats/encoder_config.h"
#include "formats/tensor_table.h"
#include "models/encoder_family.h"
#include "models/encoder_numerics.h"
#include "models/weight_reader.h"
#include "ops/dense.h"
#include "ops/layer_norm.h"
#include "ops/relative_position.h"
#include "tensor/aligned_buffer.h"

namespace precis::engine {

struct BertLayerWeights {
  DenseWeights qkv;  // query, key and value stacked
  DenseWeights attention_out;
  NormWeights attention_norm;  // empty: none
  DenseWeights ffn_in;         // gated: gate and up stacked
  DenseWeights ffn_out;
  NormWeights ffn_norm;
};

struct BertWeights {
  TensorView words;                // [vocabulary, hidden], in the file
  AlignedBuffer<float> positions;  // [position_rows, hidden], plus the vector of token type 0
  int64_t position_rows = 0;       // EncoderConfig::positions(); 1 where none are learned: one row for all tokens
  std::vector<float> second_type;  // token type 1 minus type 0, [hidden]; empty where there are not two
  NormWeights embedding_norm, final_norm;  // final_norm: empty where the family has none
  RelativeBias relative_bias;              // times sqrt(head_dim), so that it is scaled with the scores; MPNet only
  std::vector<BertLayerWeights> layers;
  int64_t parameters = 0;  // of the tensors above
};

// Types F32, F16, BF16 and what else formats/dequantize.h reads. Other tensors of the file (pooler, heads,
// position_ids) are not read. `words` stays a view of the file. Errors as WeightReader.
absl::StatusOr<BertWeights> LoadBertWeights(const TensorTable& tensors, const EncoderConfig& config,
                                            const EncoderFamilySpec& spec, const EncoderNumerics& numerics,
                                            bool check_values);

}  // namespace precis::engine
