// Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama with biases on q, k, v and RoPE over halves.
#include "models/decoder_config.h"

namespace precis::engine {

absl::Status ReadQwen2Family(const GgufFile&, DecoderConfig* config) {
  config->qkv_bias = true;
  return absl::OkStatus();
}

}  // namespace precis::engine
