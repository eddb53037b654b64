// Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama with biases on q, k, v and RoPE over halves.
#include "models/decoder_families.h"

namespace precis::engine {

absl::Status ReadQwen2Gguf(const GgufFile&, DecoderConfig* config) {
  config->qkv_bias = true;
  return absl::OkStatus();
}

absl::Status ReadQwen2Hf(const HfDecoderConfig& file, DecoderConfig* config) {
  config->qkv_bias = true;
  SetQwenWindow(file, config);
  return RequireActivation(file, "silu");
}

}  // namespace precis::engine
