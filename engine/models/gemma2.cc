// Gemma 2 (arXiv 2408.00118): norms before and after each part, capped scores and logits, every other layer with a
// sliding window, tied and scaled embeddings.
#include <cmath>

#include "models/decoder_families.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

constexpr float kAttentionCap = 50, kLogitCap = 30;  // where a file is silent
constexpr int64_t kWindow = 4096;

void SetWhatAllHave(DecoderConfig* config) {
  config->gelu = true;
  config->post_norms = true;
  config->embedding_scale = std::sqrt(static_cast<float>(config->hidden));
}

}  // namespace

absl::Status ReadGemma2Gguf(const GgufFile& file, DecoderConfig* config) {
  SetWhatAllHave(config);
  PRECIS_ASSIGN_OR_RETURN(config->window, ReadGgufWindow(file, "gemma2", kWindow));
  PRECIS_RETURN_IF_ERROR(ReadGgufPattern(file, 2, config));
  PRECIS_ASSIGN_OR_RETURN(config->attention_cap, ReadGgufCap(file, "gemma2.attn_logit_softcapping", kAttentionCap));
  PRECIS_ASSIGN_OR_RETURN(config->logit_cap, ReadGgufCap(file, "gemma2.final_logit_softcapping", kLogitCap));
  // The 27B model alone scales queries by hidden / heads instead of the size of a head, and the file does not say so.
  if (config->layers == 46) {
    config->attention_scale = 1.0f / std::sqrt(static_cast<float>(config->hidden / config->heads));
  }
  return absl::OkStatus();
}

absl::Status ReadGemma2Hf(const HfDecoderConfig& file, DecoderConfig* config) {
  SetWhatAllHave(config);
  config->norm_plus_one = true;
  config->window = file.window;
  config->local = file.layer_is_local;
  if (config->local.empty()) SetPattern(2, config);
  config->attention_cap = static_cast<float>(file.attention_cap.value_or(kAttentionCap));
  config->logit_cap = static_cast<float>(file.logit_cap.value_or(kLogitCap));
  config->attention_scale = static_cast<float>(1 / std::sqrt(file.query_scalar > 0 ? file.query_scalar : 256));
  PRECIS_RETURN_IF_ERROR(RequireActivation(file, "gelu_pytorch_tanh"));
  return RefuseBias(file);
}

}  // namespace precis::engine
