// Mistral 7B (arXiv 2310.06825) and Nemo: Llama where every layer may have the sliding window. As GGUF it calls itself
// llama, and the converter drops the window.
#include "models/decoder_families.h"

namespace precis::engine {

absl::Status ReadMistralHf(const HfDecoderConfig& file, DecoderConfig* config) {
  if (const absl::Status status = RequireActivation(file, "silu"); !status.ok()) return status;
  config->window = file.window;
  config->local.assign(static_cast<size_t>(config->layers), true);
  return RefuseBias(file);
}

}  // namespace precis::engine
