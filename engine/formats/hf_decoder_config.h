// What config.json of a Hugging Face folder says about a decoder, and the files beside it that say when a text ends.
//
// Only what a file says is here, checked to lie within bounds; what a family takes for granted where a file is silent
// is in models/ (one file a family).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/rope_scaling.h"

namespace precis::engine {

struct HfRope {
  double base = 0;     // rope_theta, > 1, <= 10^12; 0: the file does not say
  double partial = 1;  // partial_rotary_factor: share of a head's values that is turned; > 0, <= 1
  RopeScaling scaling;
};

struct HfDecoderConfig {
  std::string origin;        // the file, for messages
  std::string model_type;    // "llama"
  std::string architecture;  // architectures[0], "LlamaForCausalLM"; may be empty
  int64_t layers = 0;        // 1 .. 512
  int64_t hidden = 0;        // 1 .. 65536
  int64_t ffn = 0;           // 1 .. 262144
  int64_t heads = 0;         // 1 .. 1024
  int64_t kv_heads = 0;      // 1 .. heads; heads where the file is silent
  int64_t head_dim = 0;      // 1 .. 65536; hidden / heads where the file is silent
  int64_t context = 0;       // max_position_embeddings, 1 .. 2^20
  int64_t vocabulary = 0;    // 1 .. 2^22
  double norm_eps = 0;       // > 0, <= 0.1
  std::string activation;    // hidden_activation, else hidden_act; may be empty
  std::optional<bool> tied;  // tie_word_embeddings
  bool attention_bias = false, mlp_bias = false;

  HfRope rope;        // of layers that attend to everything
  HfRope local_rope;  // of layers with a sliding window where the file tells them apart; else base 0

  int64_t window = 0;                // sliding_window, 1 .. 2^20; 0: none
  bool use_window = false;           // use_sliding_window
  int64_t max_window_layers = 0;     // 0 .. 2^20; the file's, or 0
  int64_t window_pattern = 0;        // sliding_window_pattern, 1 .. 512; 0: not said
  std::vector<bool> layer_is_local;  // layer_types: "sliding_attention"; layers of them, or empty
  std::vector<bool> layer_has_rope;  // no_rope_layers (which says 1 where there is RoPE); layers of them, or empty
  int64_t no_rope_interval = 0;      // no_rope_layer_interval, 1 .. 2^20; 0: not said

  double query_scalar = 0;              // query_pre_attn_scalar, > 0; 0: not said
  std::optional<double> attention_cap;  // attn_logit_softcapping; null in the file: 0, no cap
  std::optional<double> logit_cap;      // final_logit_softcapping
  std::vector<int64_t> ends;            // eos_token_id: one or several, at most 64, each >= 0
};

// Errors: InvalidArgument for broken JSON, a missing field or a value out of bounds, with file, field and value;
// Unimplemented, by name, for a RoPE type, a kind of layer, or weights in a packed format that are not here.
absl::StatusOr<HfDecoderConfig> ParseHfDecoderConfig(const std::string& text, const std::string& origin);

// Reads config.json of `folder`. NotFound when it is not there.
absl::StatusOr<HfDecoderConfig> ReadHfDecoderConfig(const std::string& folder);

// model_type of config.json alone; empty where it has none.
absl::StatusOr<std::string> ReadHfModelType(const std::string& folder);

// Tokens after which a text is over: eos_token_id of generation_config.json, else those of config.json.
absl::StatusOr<std::vector<int64_t>> ReadHfEnds(const std::string& folder, const std::vector<int64_t>& of_config);

// The chat template, a Jinja program: chat_template.jinja, else chat_template of tokenizer_config.json (of several the
// one named "default"); empty where there is none.
absl::StatusOr<std::string> ReadHfChatTemplate(const std::string& folder);

}  // namespace precis::engine
