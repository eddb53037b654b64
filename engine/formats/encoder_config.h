// What the files of an encoder say about its network, whatever their format: filled by hf_config.h and
// gguf_encoder_config.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace precis::engine {

enum class Activation { kGelu, kGeluTanh, kRelu, kSilu };
enum class Pooling { kMean, kCls, kMax };
const char* PoolingName(Pooling pooling);  // "mean", "cls", "max"

// Networks that are one but for names and numbers have one family: kRoberta is XLM-RoBERTa too.
enum class EncoderFamily { kBert, kRoberta, kMpnet, kDistilBert, kNomicBert, kModernBert };

// Every number lies in the bounds beside it.
struct EncoderConfig {
  EncoderFamily family = EncoderFamily::kBert;
  std::string model_type;               // as the file calls it: "bert", "xlm-roberta", "nomic-bert"
  std::string architecture;             // architectures[0], e.g. "BertModel"; may be empty
  int64_t hidden_size = 0;              // 1 .. 16384, a multiple of attention_heads
  int64_t layers = 0;                   // 1 .. 256
  int64_t attention_heads = 0;          // 1 .. 256
  int64_t intermediate_size = 0;        // 1 .. 131072
  int64_t max_position_embeddings = 0;  // 1 .. 1048576; rows of the table where positions are learned
  int64_t vocabulary_size = 0;          // 1 .. 4194304; rows of the word table
  int64_t type_vocabulary_size = 0;     // 0 .. 1024
  double layer_norm_eps = 1e-12;        // > 0, <= 0.1
  Activation activation = Activation::kGelu;
  bool attention_bias = true, ffn_bias = true, norm_bias = true;

  int64_t position_offset = 0;   // learned positions: the row of a text's first token, < max_position_embeddings
  int64_t relative_buckets = 0;  // MPNet: 0 (none) or an even number .. 1024 of learned distances
  // Rotary positions. 0: none; else 1 .. 1e9, one for layers that see everything, one for those with a window.
  double rope_base = 0, local_rope_base = 0;
  int64_t trained_positions = 0;  // longer texts take the base of dynamic NTK, if ntk_factor > 0 (.. 64)
  double ntk_factor = 0;
  // A layer sees `local_reach` tokens on each side, except each `global_every`-th from the first on. 0: all see all.
  int64_t local_reach = 0, global_every = 1;

  // Of heads: sequence and token classification. Without them in the file: LABEL_0 and LABEL_1.
  std::vector<std::string> labels;  // 1 .. 4096
  Activation classifier_activation = Activation::kGelu;
  Pooling classifier_pooling = Pooling::kCls;
  bool classifier_bias = true;

  // Of sentence-transformers. Without its files: mean pooling, normalised, the whole window.
  Pooling pooling = Pooling::kMean;
  bool normalize = true;   // modules.json lists a Normalize module; true without modules.json
  int64_t max_tokens = 0;  // window with special tokens: max_seq_length, at most positions()

  // How many tokens a text may have for the network.
  int64_t positions() const { return max_position_embeddings - position_offset; }
  int64_t head_dim() const { return hidden_size / attention_heads; }
  bool IsLocal(int64_t layer) const { return local_reach > 0 && layer % global_every != 0; }
};

}  // namespace precis::engine
