// Gemma 3, text only (arXiv 2503.19786): norms before and after each part and on q and k, five local layers for each
// global one, tied and scaled embeddings. In GGUF the converter has added the 1 of "(1 + w)" to every norm weight.
#include <cmath>

#include "models/decoder_families.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

constexpr int64_t kGlobalEvery = 6;
constexpr double kLocalBase = 10000;

void SetWhatAllHave(DecoderConfig* config) {
  config->gelu = true;
  config->qk_norm = true;
  config->post_norms = true;
  config->embedding_scale = std::sqrt(static_cast<float>(config->hidden));
}

}  // namespace

absl::Status ReadGemma3Gguf(const GgufFile& file, DecoderConfig* config) {
  SetWhatAllHave(config);
  PRECIS_ASSIGN_OR_RETURN(config->window, ReadGgufWindow(file, "gemma3", 0));
  PRECIS_RETURN_IF_ERROR(ReadGgufPattern(file, kGlobalEvery, config));
  // Local layers keep the base that they were trained with, unscaled.
  config->local_rope.scaling = {};
  PRECIS_ASSIGN_OR_RETURN(const float base, file.GetF32Or("gemma3.rope.freq_base_swa", static_cast<float>(kLocalBase)));
  if (!(base > 1.0f)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'gemma3.rope.freq_base_swa' is ", base, " in ", file.path(), "; it must be above 1"));
  }
  config->local_rope.base = base;
  // The 27B model alone scales queries by hidden / heads instead of the size of a head, and the file does not say so.
  if (config->layers == 62) {
    config->attention_scale = 1.0f / std::sqrt(static_cast<float>(config->hidden / config->heads));
  }
  PRECIS_ASSIGN_OR_RETURN(config->attention_cap, ReadGgufCap(file, "gemma3.attn_logit_softcapping", 0));
  PRECIS_ASSIGN_OR_RETURN(config->logit_cap, ReadGgufCap(file, "gemma3.final_logit_softcapping", 0));
  return absl::OkStatus();
}

absl::Status ReadGemma3Hf(const HfDecoderConfig& file, DecoderConfig* config) {
  SetWhatAllHave(config);
  config->norm_plus_one = true;
  config->window = file.window;
  config->local = file.layer_is_local;
  if (config->local.empty()) SetPattern(file.window_pattern > 0 ? file.window_pattern : kGlobalEvery, config);
  if (file.local_rope.base == 0) {
    config->local_rope.scaling = {};
    config->local_rope.base = kLocalBase;
  }
  config->attention_cap = static_cast<float>(file.attention_cap.value_or(0));
  config->logit_cap = static_cast<float>(file.logit_cap.value_or(0));
  config->attention_scale = static_cast<float>(1 / std::sqrt(file.query_scalar > 0 ? file.query_scalar : 256));
  PRECIS_RETURN_IF_ERROR(RequireActivation(file, "gelu_pytorch_tanh"));
  return RefuseBias(file);
}

}  // namespace precis::engine
