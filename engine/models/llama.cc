// Llama and what shares its architecture in GGUF: SmolLM2, Mistral.
#include "models/decoder_config.h"

namespace precis::engine {

absl::Status ReadLlamaFamily(const GgufFile& file, DecoderConfig* config) {
  // The converter permutes the rows of q and k so that pairs stand side by side.
  config->rope.interleaved = true;
  config->qkv_bias = file.tensors().Find("blk.0.attn_q.bias") != nullptr;
  return absl::OkStatus();
}

}  // namespace precis::engine
