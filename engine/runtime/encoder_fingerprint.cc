#include "runtime/encoder_fingerprint.h"

#include "precis/base/hash.h"

namespace precis::engine {

std::string EncoderFingerprint(const ModelInfo& info, const EncoderConfig& config, const std::string& weights_sha256,
                               float temperature, const std::string& head) {
  Hasher hasher;
  hasher.Field("precis-encoder-fingerprint-1");
  hasher.Field(weights_sha256);
  hasher.Field(info.tokenizer_fingerprint);
  hasher.Field(info.pooling);
  hasher.Field("normalization:l2");
  hasher.Field(static_cast<double>(temperature));
  hasher.Field("padding:none");
  hasher.Field(info.max_tokens);
  hasher.Field(info.query_prefix);
  hasher.Field(info.document_prefix);
  hasher.Field("long-input:error,truncate-head,split-even-pool-by-tokens-1");
  hasher.Field(info.numeric_mode);
  hasher.Field(kEncoderKernelVersion);
  // What config.json says beyond the weights.
  hasher.Field(info.architecture);
  hasher.Field(config.attention_heads);
  hasher.Field(config.layer_norm_eps);
  hasher.Field(static_cast<int64_t>(config.activation));
  // BERT without a head has the fingerprint that it always had.
  if (config.family != EncoderFamily::kBert) {
    hasher.Field(static_cast<int64_t>(config.family));
    hasher.Field(config.position_offset);
    hasher.Field(config.relative_buckets);
    hasher.Field(config.rope_base);
    hasher.Field(config.local_rope_base);
    hasher.Field(config.trained_positions);
    hasher.Field(config.ntk_factor);
    hasher.Field(config.local_reach);
    hasher.Field(config.global_every);
  }
  if (!head.empty()) hasher.Field("head:" + head);
  return hasher.FinishHex();
}

}  // namespace precis::engine
