// What the JSON files of a Hugging Face folder say about a BERT-family encoder: config.json, and those that
// sentence-transformers adds beside it (modules.json, 1_Pooling/config.json, sentence_bert_config.json).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace precis::engine {

enum class Activation { kGelu, kGeluTanh, kRelu, kSilu };
enum class Pooling { kMean, kCls, kMax };
const char* PoolingName(Pooling pooling);  // "mean", "cls", "max"

// Every number lies in the bounds beside it.
struct HfEncoderConfig {
  std::string model_type;               // "bert"
  std::string architecture;             // architectures[0], e.g. "BertModel"; may be empty
  int64_t hidden_size = 0;              // 1 .. 16384, a multiple of attention_heads
  int64_t layers = 0;                   // 1 .. 256
  int64_t attention_heads = 0;          // 1 .. 256
  int64_t intermediate_size = 0;        // 1 .. 131072
  int64_t max_position_embeddings = 0;  // 1 .. 1048576
  int64_t vocabulary_size = 0;          // 1 .. 4194304
  int64_t type_vocabulary_size = 0;     // 0 .. 1024
  double layer_norm_eps = 1e-12;        // > 0, <= 0.1
  Activation activation = Activation::kGelu;

  // Of sentence-transformers. Without its files: mean pooling, normalised, the whole window.
  Pooling pooling = Pooling::kMean;
  bool normalize = true;   // modules.json lists a Normalize module; true without modules.json
  int64_t max_tokens = 0;  // window with special tokens: max_seq_length, at most max_position_embeddings
};

// The contents of those files; empty: not there. `origin` names the folder in messages.
struct HfConfigTexts {
  std::string config, modules, pooling, sentence_bert;
  std::string origin;
};

// Errors: InvalidArgument for broken JSON, a missing field or a value out of bounds, with the file, field and value;
// Unimplemented for a pooling, activation or position scheme that no encoder here has, by name.
absl::StatusOr<HfEncoderConfig> ParseHfEncoderConfig(const HfConfigTexts& texts);

// Reads the files of `folder`. NotFound when config.json is not there.
absl::StatusOr<HfEncoderConfig> ReadHfEncoderConfig(const std::string& folder);

}  // namespace precis::engine
