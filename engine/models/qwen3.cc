// Qwen3, dense (arXiv 2505.09388): no biases, but norms on q and k.
#include "models/decoder_families.h"

namespace precis::engine {

absl::Status ReadQwen3Gguf(const GgufFile&, DecoderConfig* config) {
  config->qk_norm = true;
  return absl::OkStatus();
}

absl::Status ReadQwen3Hf(const HfDecoderConfig& file, DecoderConfig* config) {
  config->qk_norm = true;
  SetQwenWindow(file, config);
  if (const absl::Status status = RequireActivation(file, "silu"); !status.ok()) return status;
  return RefuseBias(file);
}

}  // namespace precis::engine
