// Phi-3 and Phi-3.5 mini and medium, Phi-4 mini (arXiv 2404.14219): Llama with q, k, v in one matrix and gate and up in
// another, LongRoPE for the long windows, in Phi-4 mini a head turned in part.
#include "models/decoder_families.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

void SetWindow(int64_t window, DecoderConfig* config) {
  config->window = window;
  config->local.assign(static_cast<size_t>(config->layers), true);
}

}  // namespace

absl::Status ReadPhi3Gguf(const GgufFile& file, DecoderConfig* config) {
  config->fused_qkv = file.tensors().Find("blk.0.attn_qkv.weight") != nullptr;
  config->fused_gate_up = file.tensors().Find("blk.0.ffn_gate.weight") == nullptr;
  PRECIS_ASSIGN_OR_RETURN(const int64_t window, ReadGgufWindow(file, "phi3", 0));
  SetWindow(window, config);
  return absl::OkStatus();
}

absl::Status ReadPhi3Hf(const HfDecoderConfig& file, DecoderConfig* config) {
  config->fused_qkv = true;
  config->fused_gate_up = true;
  SetWindow(file.window, config);
  PRECIS_RETURN_IF_ERROR(RequireActivation(file, "silu"));
  return RefuseBias(file);
}

}  // namespace precis::engine
