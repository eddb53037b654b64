// Gemma 3, text only (arXiv 2503.19786): norms before and after each part and on q and k, five local layers for each
// global one, tied and scaled embeddings. The converter has already added the 1 of "(1 + w)" to every norm weight.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "models/decoder_config.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::Status ReadGemma3Family(const GgufFile& file, DecoderConfig* config) {
  config->gelu = true;
  config->qk_norm = true;
  config->post_norms = true;
  config->embedding_scale = std::sqrt(static_cast<float>(config->hidden));
  PRECIS_ASSIGN_OR_RETURN(config->window, file.GetI64Or("gemma3.attention.sliding_window", 0));
  if (config->window < 0) {
    return absl::InvalidArgumentError(absl::StrCat("'gemma3.attention.sliding_window' is ", config->window, " in ",
                                                   file.path(), "; it must not be negative"));
  }
  config->global_every = 6;
  // Local layers keep the base that they were trained with, unscaled; the file does not say it.
  config->local_rope = config->rope;
  config->local_rope.base = 10000.0f;
  config->local_rope.linear_scale = 1.0f;
  // The 27B model alone scales queries by hidden / heads instead of the size of a head.
  if (config->layers == 62) {
    config->attention_scale = 1.0f / std::sqrt(static_cast<float>(config->hidden / config->heads));
  }
  // The base models cap nothing; a file that does is another family.
  for (const char* key : {"gemma3.attn_logit_softcapping", "gemma3.final_logit_softcapping"}) {
    PRECIS_ASSIGN_OR_RETURN(const float cap, file.GetF32Or(key, 0.0f));
    if (cap != 0.0f) {
      return absl::UnimplementedError(
          absl::StrCat("'", key, "' is ", cap, " in ", file.path(), ": capped logits are not supported"));
    }
  }
  return absl::OkStatus();
}

}  // namespace precis::engine
