// Llama 2 and 3 (arXiv 2307.09288, 2407.21783), and what shares their architecture: SmolLM2, and in GGUF Mistral.
#include "models/decoder_families.h"

namespace precis::engine {

absl::Status ReadLlamaGguf(const GgufFile& file, DecoderConfig* config) {
  // The converter permutes the rows of q and k so that pairs stand side by side.
  config->rope.interleaved = true;
  config->qkv_bias = file.tensors().Find("blk.0.attn_q.bias") != nullptr;
  return absl::OkStatus();
}

absl::Status ReadLlamaHf(const HfDecoderConfig& file, DecoderConfig*) {
  if (const absl::Status status = RequireActivation(file, "silu"); !status.ok()) return status;
  return RefuseBias(file);
}

}  // namespace precis::engine
