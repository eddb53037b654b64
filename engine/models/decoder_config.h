// What one decoder is: the numbers and choices in which the families differ. decoder.h runs any of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/gguf.h"
#include "formats/hf_decoder_config.h"
#include "ops/rope.h"

namespace precis::engine {

// Every size is checked to lie in the bounds beside it.
struct DecoderConfig {
  std::string architecture;  // the family's name: "llama", "mistral", "qwen2", ...
  int64_t layers = 0;        // 1 .. 512
  int64_t hidden = 0;        // 1 .. 65536, a multiple of 16
  int64_t ffn = 0;           // 1 .. 262144, a multiple of 16
  int64_t heads = 0;         // 1 .. 1024, a multiple of kv_heads
  int64_t kv_heads = 0;
  int64_t head_dim = 0;    // a multiple of 16, <= 256
  int64_t context = 0;     // window, 1 .. 2^20
  int64_t vocabulary = 0;  // 1 .. 2^22
  float norm_eps = 1e-5f;

  ops::RopeConfig rope;        // of layers that attend to everything
  ops::RopeConfig local_rope;  // of layers with the sliding window
  // The layers marked in `local` attend to the last `window` positions, their own included; the others, and all when it
  // is 0, to everything.
  int64_t window = 0;
  std::vector<bool> local;    // [layers] when window > 0
  std::vector<bool> no_rope;  // [layers]: queries and keys are not turned; empty: all are

  float attention_scale = 0;  // of query x key
  float attention_cap = 0;    // > 0: scores become cap * tanh(score / cap)
  float logit_cap = 0;        // > 0: the same for logits
  float embedding_scale = 1;  // token embeddings are multiplied by it
  bool qkv_bias = false;      // q, k, v have biases (else none may be there)
  bool qk_norm = false;       // RMS norm of each query and key head before RoPE
  bool post_norms = false;    // RMS norm of what attention and feed-forward add
  bool gelu = false;          // feed-forward gate: GELU (tanh form) instead of SiLU

  // How the file stores it.
  bool tied = false;           // no output matrix of its own: the embeddings again
  bool fused_qkv = false;      // one matrix of queries, keys and values
  bool fused_gate_up = false;  // one matrix of gate and up
  bool norm_plus_one = false;  // a norm's weights are what is added to 1

  bool IsGlobal(int64_t layer) const { return window == 0 || !local[static_cast<size_t>(layer)]; }
  bool HasRope(int64_t layer) const { return no_rope.empty() || !no_rope[static_cast<size_t>(layer)]; }
};

// Errors: Unimplemented for an architecture, activation or RoPE scaling that is not here, by name; InvalidArgument for
// a missing or impossible value, with the key.
absl::StatusOr<DecoderConfig> ReadDecoderConfig(const GgufFile& file);
absl::StatusOr<DecoderConfig> ReadDecoderConfig(const HfDecoderConfig& file);

// Whether ReadDecoderConfig knows the name: general.architecture of a GGUF file, model_type of a config.json.
bool IsGgufDecoder(const std::string& architecture);
bool IsHfDecoder(const std::string& model_type);
// All of those names, "llama, qwen2, ...".
std::string GgufDecoderNames();
std::string HfDecoderNames();

}  // namespace precis::engine
