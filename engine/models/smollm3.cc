// SmolLM3: Llama where each fourth layer turns neither queries nor keys (NoPE, arXiv 2501.18795).
#include "models/decoder_families.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

constexpr int64_t kNoRopeEvery = 4;

void SetNoRope(int64_t every, DecoderConfig* config) {
  for (int64_t l = 0; l < config->layers; ++l) config->no_rope.push_back((l + 1) % every == 0);
}

}  // namespace

absl::Status ReadSmolLm3Gguf(const GgufFile&, DecoderConfig* config) {
  config->rope.interleaved = true;  // as with Llama
  SetNoRope(kNoRopeEvery, config);  // the file does not say it
  return absl::OkStatus();
}

absl::Status ReadSmolLm3Hf(const HfDecoderConfig& file, DecoderConfig* config) {
  if (file.layer_has_rope.empty()) {
    SetNoRope(file.no_rope_interval > 0 ? file.no_rope_interval : kNoRopeEvery, config);
  } else {
    for (const bool has : file.layer_has_rope) config->no_rope.push_back(!has);
  }
  if (file.use_window && file.window > 0) {
    config->window = file.window;
    config->local = file.layer_is_local.empty() ? config->no_rope : file.layer_is_local;
  }
  PRECIS_RETURN_IF_ERROR(RequireActivation(file, "silu"));
  return RefuseBias(file);
}

}  // namespace precis::engine
