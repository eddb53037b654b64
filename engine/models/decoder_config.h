// What one decoder is: the numbers and choices in which the families differ. decoder.h runs any of them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "formats/gguf.h"
#include "ops/rope.h"

namespace precis::engine {

// Every size is checked to lie in the bounds beside it.
struct DecoderConfig {
  std::string architecture;  // "llama", "qwen2", "gemma3"
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
  // Layers attend to the last `window` positions, their own included, except each `global_every`-th, which attends to
  // all. 0: every layer attends to all.
  int64_t window = 0;
  int64_t global_every = 0;

  float attention_scale = 0;  // of query x key
  float embedding_scale = 1;  // token embeddings are multiplied by it
  bool qkv_bias = false;      // q, k, v have biases (else none may be there)
  bool qk_norm = false;       // RMS norm of each query and key head before RoPE
  bool post_norms = false;    // RMS norm of what attention and feed-forward add
  bool gelu = false;          // feed-forward gate: GELU (tanh form) instead of SiLU

  bool IsGlobal(int64_t layer) const { return window == 0 || layer % global_every == global_every - 1; }
};

// Errors: Unimplemented for an architecture or a RoPE scaling that is not here, by name; InvalidArgument for a missing
// or impossible value, with the key.
absl::StatusOr<DecoderConfig> ReadDecoderConfig(const GgufFile& file);

// A family: one file each, listed in decoder_config.cc.
absl::Status ReadLlamaFamily(const GgufFile& file, DecoderConfig* config);   // Llama 2, SmolLM2, Mistral
absl::Status ReadQwen2Family(const GgufFile& file, DecoderConfig* config);   // Qwen2, Qwen2.5
absl::Status ReadGemma3Family(const GgufFile& file, DecoderConfig* config);  // Gemma 3, text

}  // namespace precis::engine
