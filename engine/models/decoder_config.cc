#include "models/decoder_config.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

struct Family {
  const char* architecture;
  absl::Status (*read)(const GgufFile& file, DecoderConfig* config);
};

// To add a family: its Read function in a file of its own, and a line here.
constexpr Family kFamilies[] = {
    {"llama", ReadLlamaFamily},
    {"qwen2", ReadQwen2Family},
    {"gemma3", ReadGemma3Family},
};

absl::Status ReadSize(const GgufFile& file, const std::string& key, int64_t most, int64_t multiple, int64_t* out) {
  PRECIS_ASSIGN_OR_RETURN(*out, file.GetI64(key));
  if (*out < 1 || *out > most || *out % multiple != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, "' is ", *out, " in ", file.path(), "; it must be 1 to ", most,
                     multiple > 1 ? absl::StrCat(" and a multiple of ", multiple) : std::string()));
  }
  return absl::OkStatus();
}

absl::Status ReadRope(const GgufFile& file, const std::string& arch, DecoderConfig* config) {
  ops::RopeConfig& rope = config->rope;
  rope.head_dim = config->head_dim;
  PRECIS_ASSIGN_OR_RETURN(rope.base, file.GetF32Or(arch + ".rope.freq_base", 10000.0f));
  PRECIS_ASSIGN_OR_RETURN(const int64_t turned, file.GetI64Or(arch + ".rope.dimension_count", config->head_dim));
  if (turned != config->head_dim) {
    return absl::UnimplementedError(absl::StrCat("'", arch, ".rope.dimension_count' is ", turned, " and heads have ",
                                                 config->head_dim, " values in ", file.path(),
                                                 ": partial rotary embedding is not supported"));
  }
  PRECIS_ASSIGN_OR_RETURN(const std::string scaling, file.GetStringOr(arch + ".rope.scaling.type", "none"));
  if (scaling == "linear") {
    PRECIS_ASSIGN_OR_RETURN(rope.linear_scale, file.GetF32(arch + ".rope.scaling.factor"));
  } else if (scaling != "none") {
    return absl::UnimplementedError(absl::StrCat("'", arch, ".rope.scaling.type' is '", scaling, "' in ", file.path(),
                                                 ": of the RoPE scalings only 'linear' is supported"));
  }
  if (file.tensors().Find("rope_freqs.weight") != nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("tensor 'rope_freqs.weight' in ", file.path(), ": Llama 3's RoPE scaling is not supported"));
  }
  if (!(rope.base > 1.0f) || !std::isfinite(rope.base) || !(rope.linear_scale > 0.0f) ||
      !std::isfinite(rope.linear_scale)) {
    return absl::InvalidArgumentError(absl::StrCat("RoPE base ", rope.base, " and scale ", rope.linear_scale, " in ",
                                                   file.path(), ": the base must be above 1, the scale above 0"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DecoderConfig> ReadDecoderConfig(const GgufFile& file) {
  PRECIS_ASSIGN_OR_RETURN(const std::string arch, file.Architecture());
  const Family* family = nullptr;
  for (const Family& f : kFamilies) {
    if (arch == f.architecture) family = &f;
  }
  if (family == nullptr) {
    return absl::UnimplementedError(absl::StrCat("architecture '", arch, "' of ", file.path(),
                                                 " is not a supported decoder: llama, qwen2 and gemma3 are"));
  }
  DecoderConfig c;
  c.architecture = arch;
  PRECIS_RETURN_IF_ERROR(ReadSize(file, arch + ".block_count", 512, 1, &c.layers));
  PRECIS_RETURN_IF_ERROR(ReadSize(file, arch + ".embedding_length", 65536, 16, &c.hidden));
  PRECIS_RETURN_IF_ERROR(ReadSize(file, arch + ".feed_forward_length", 262144, 16, &c.ffn));
  PRECIS_RETURN_IF_ERROR(ReadSize(file, arch + ".attention.head_count", 1024, 1, &c.heads));
  c.kv_heads = c.heads;
  if (file.Has(arch + ".attention.head_count_kv")) {
    PRECIS_RETURN_IF_ERROR(ReadSize(file, arch + ".attention.head_count_kv", c.heads, 1, &c.kv_heads));
  }
  PRECIS_RETURN_IF_ERROR(ReadSize(file, arch + ".context_length", int64_t{1} << 20, 1, &c.context));
  PRECIS_ASSIGN_OR_RETURN(c.head_dim, file.GetI64Or(arch + ".attention.key_length", c.hidden / c.heads));
  PRECIS_ASSIGN_OR_RETURN(const int64_t value_dim, file.GetI64Or(arch + ".attention.value_length", c.head_dim));
  if (c.heads % c.kv_heads != 0 || c.head_dim < 16 || c.head_dim > 256 || c.head_dim % 16 != 0 ||
      value_dim != c.head_dim) {
    return absl::UnimplementedError(absl::StrCat(
        c.heads, " heads over ", c.kv_heads, " KV heads of ", c.head_dim, " keys and ", value_dim, " values in ",
        file.path(), ": heads must be a multiple of KV heads, keys and values equal, a multiple of 16, at most 256"));
  }
  PRECIS_ASSIGN_OR_RETURN(c.norm_eps, file.GetF32(arch + ".attention.layer_norm_rms_epsilon"));
  if (!(c.norm_eps > 0) || c.norm_eps > 0.1f) {
    return absl::InvalidArgumentError(absl::StrCat("'", arch, ".attention.layer_norm_rms_epsilon' is ", c.norm_eps,
                                                   " in ", file.path(), "; it must be above 0 and at most 0.1"));
  }
  PRECIS_ASSIGN_OR_RETURN(const int64_t experts, file.GetI64Or(arch + ".expert_count", 0));
  if (experts != 0) {
    return absl::UnimplementedError(absl::StrCat("'", arch, ".expert_count' is ", experts, " in ", file.path(),
                                                 ": mixtures of experts are not supported"));
  }
  PRECIS_ASSIGN_OR_RETURN(const TensorView* embedding, file.tensors().Get("token_embd.weight", {-1, c.hidden}));
  c.vocabulary = embedding->rows();
  if (c.vocabulary > int64_t{1} << 22) {
    return absl::InvalidArgumentError(absl::StrCat("a vocabulary of ", c.vocabulary, " tokens in ", file.path(),
                                                   "; at most 4,194,304 are supported"));
  }
  c.attention_scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  PRECIS_RETURN_IF_ERROR(ReadRope(file, arch, &c));
  PRECIS_RETURN_IF_ERROR(family->read(file, &c));
  return c;
}

}  // namespace precis::engine
