#include "models/decoder_families.h"

#include <cmath>

#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::StatusOr<int64_t> ReadGgufWindow(const GgufFile& file, const std::string& architecture, int64_t fallback) {
  const std::string key = architecture + ".attention.sliding_window";
  PRECIS_ASSIGN_OR_RETURN(const int64_t window, file.GetI64Or(key, fallback));
  if (window < 0 || window > int64_t{1} << 20) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, "' is ", window, " in ", file.path(), "; it must be 0 (none) to 1,048,576"));
  }
  return window;
}

void SetPattern(int64_t every, DecoderConfig* config) {
  config->local.clear();
  for (int64_t l = 0; l < config->layers; ++l) config->local.push_back(l % every != every - 1);
}

absl::Status ReadGgufPattern(const GgufFile& file, int64_t every, DecoderConfig* config) {
  const std::string key = config->architecture + ".attention.sliding_window_pattern";
  if (!file.Has(key)) {
    SetPattern(every, config);
    return absl::OkStatus();
  }
  if (const auto size = file.ArraySize(key); size.ok()) {
    PRECIS_ASSIGN_OR_RETURN(const std::vector<bool> local, file.GetBools(key));
    if (static_cast<int64_t>(local.size()) != config->layers) {
      return absl::InvalidArgumentError(absl::StrCat("'", key, "' holds ", local.size(), " answers in ", file.path(),
                                                     "; there are ", config->layers, " layers"));
    }
    config->local = local;
    return absl::OkStatus();
  }
  PRECIS_ASSIGN_OR_RETURN(const int64_t n, file.GetI64(key));
  if (n < 1 || n > 512) {
    return absl::InvalidArgumentError(absl::StrCat("'", key, "' is ", n, " in ", file.path(), "; it must be 1 to 512"));
  }
  SetPattern(n, config);
  return absl::OkStatus();
}

void SetQwenWindow(const HfDecoderConfig& file, DecoderConfig* config) {
  if (!file.use_window || file.window == 0) return;
  config->window = file.window;
  config->local = file.layer_is_local;
  if (!config->local.empty()) return;
  for (int64_t l = 0; l < config->layers; ++l) config->local.push_back(l >= file.max_window_layers);
}

absl::Status RequireActivation(const HfDecoderConfig& file, const char* name) {
  if (file.activation.empty() || file.activation == name) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("'", file.origin, "': the activation is ", Quoted(file.activation),
                                               "; decoders of type '", file.model_type, "' run with '", name, "'"));
}

absl::Status RefuseBias(const HfDecoderConfig& file) {
  if (!file.attention_bias && !file.mlp_bias) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("'", file.origin, "': ", file.mlp_bias ? "mlp_bias" : "attention_bias",
                                               " is true; decoders of type '", file.model_type,
                                               "' run without biases"));
}

absl::StatusOr<float> ReadGgufCap(const GgufFile& file, const std::string& key, float fallback) {
  PRECIS_ASSIGN_OR_RETURN(const float cap, file.GetF32Or(key, fallback));
  if (!(cap >= 0 && cap <= 1e6f)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, "' is ", cap, " in ", file.path(), "; it must be 0 (none) to 1,000,000"));
  }
  return cap;
}

}  // namespace precis::engine
