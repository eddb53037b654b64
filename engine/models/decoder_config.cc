#include "models/decoder_config.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/quoted.h"
#include "models/decoder_families.h"
#include "models/decoder_rope.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

// To add a family: its functions in a file of their own, declared in decoder_families.h, and a line here.
constexpr DecoderFamily kFamilies[] = {
    {"llama", "llama", "llama", 1e4, false, ReadLlamaGguf, ReadLlamaHf},
    {"mistral", nullptr, "mistral", 1e4, false, nullptr, ReadMistralHf},
    {"qwen2", "qwen2", "qwen2", 1e4, false, ReadQwen2Gguf, ReadQwen2Hf},
    {"qwen3", "qwen3", "qwen3", 1e4, false, ReadQwen3Gguf, ReadQwen3Hf},
    {"gemma2", "gemma2", "gemma2", 1e4, true, ReadGemma2Gguf, ReadGemma2Hf},
    {"gemma3", "gemma3", "gemma3_text", 1e6, true, ReadGemma3Gguf, ReadGemma3Hf},
    {"phi3", "phi3", "phi3", 1e4, false, ReadPhi3Gguf, ReadPhi3Hf},
    {"smollm3", "smollm3", "smollm3", 2e6, true, ReadSmolLm3Gguf, ReadSmolLm3Hf},
};

// The family with this name in the files that `name` is of.
const DecoderFamily* Find(const char* DecoderFamily::*name, const std::string& wanted) {
  for (const DecoderFamily& family : kFamilies) {
    if (family.*name != nullptr && wanted == family.*name) return &family;
  }
  return nullptr;
}

std::string Known(const char* DecoderFamily::*name) {
  std::vector<std::string> names;
  for (const DecoderFamily& family : kFamilies) {
    if (family.*name != nullptr) names.push_back(family.*name);
  }
  return absl::StrJoin(names, ", ");
}

absl::Status ReadSize(const GgufFile& file, const std::string& key, int64_t most, int64_t multiple, int64_t* out) {
  PRECIS_ASSIGN_OR_RETURN(*out, file.GetI64(key));
  if (*out < 1 || *out > most || *out % multiple != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, "' is ", *out, " in ", file.path(), "; it must be 1 to ", most,
                     multiple > 1 ? absl::StrCat(" and a multiple of ", multiple) : std::string()));
  }
  return absl::OkStatus();
}

// The shapes that the kernels take.
absl::Status CheckShape(const DecoderConfig& c, int64_t value_dim, const std::string& origin) {
  if (c.heads % c.kv_heads != 0 || c.head_dim < 16 || c.head_dim > 256 || c.head_dim % 16 != 0 ||
      value_dim != c.head_dim) {
    return absl::UnimplementedError(absl::StrCat(
        c.heads, " heads over ", c.kv_heads, " KV heads of ", c.head_dim, " keys and ", value_dim, " values in ",
        origin, ": heads must be a multiple of KV heads, keys and values equal, a multiple of 16, at most 256"));
  }
  if (c.hidden % 16 != 0 || c.ffn % 16 != 0) {
    return absl::UnimplementedError(absl::StrCat("width ", c.hidden, " and feed-forward width ", c.ffn, " in ", origin,
                                                 ": multiples of 16 are supported"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsGgufDecoder(const std::string& architecture) { return Find(&DecoderFamily::gguf, architecture) != nullptr; }
bool IsHfDecoder(const std::string& model_type) { return Find(&DecoderFamily::hf, model_type) != nullptr; }

std::string GgufDecoderNames() { return Known(&DecoderFamily::gguf); }
std::string HfDecoderNames() { return Known(&DecoderFamily::hf); }

absl::StatusOr<DecoderConfig> ReadDecoderConfig(const GgufFile& file) {
  PRECIS_ASSIGN_OR_RETURN(const std::string arch, file.Architecture());
  const DecoderFamily* family = Find(&DecoderFamily::gguf, arch);
  if (family == nullptr) {
    return absl::UnimplementedError(absl::StrCat("architecture ", Quoted(arch), " of ", file.path(),
                                                 " is not a supported decoder: ", Known(&DecoderFamily::gguf), " are"));
  }
  DecoderConfig c;
  c.architecture = family->name;
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
  PRECIS_RETURN_IF_ERROR(CheckShape(c, value_dim, file.path()));
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
  c.tied = file.tensors().Find("output.weight") == nullptr;
  c.attention_scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  PRECIS_ASSIGN_OR_RETURN(c.rope, ReadGgufRope(file, arch, c.head_dim, c.context));
  c.local_rope = c.rope;
  PRECIS_RETURN_IF_ERROR(family->read_gguf(file, &c));
  c.local_rope.interleaved = c.rope.interleaved;
  c.context = StretchedContext(c.rope.scaling, c.context);
  return c;
}

absl::StatusOr<DecoderConfig> ReadDecoderConfig(const HfDecoderConfig& file) {
  const DecoderFamily* family = Find(&DecoderFamily::hf, file.model_type);
  if (family == nullptr) {
    return absl::UnimplementedError(absl::StrCat("'", file.origin, "': model_type is ", Quoted(file.model_type),
                                                 ", which is not a supported decoder: ", Known(&DecoderFamily::hf),
                                                 " are"));
  }
  if (!file.architecture.empty() && !file.architecture.ends_with("ForCausalLM")) {
    return absl::UnimplementedError(absl::StrCat("'", file.origin, "': the architecture is ", Quoted(file.architecture),
                                                 ", which predicts no next token; one that ends with ForCausalLM is "
                                                 "needed"));
  }
  DecoderConfig c;
  c.architecture = family->name;
  c.layers = file.layers;
  c.hidden = file.hidden;
  c.ffn = file.ffn;
  c.heads = file.heads;
  c.kv_heads = file.kv_heads;
  c.head_dim = file.head_dim;
  c.context = file.context;
  c.vocabulary = file.vocabulary;
  c.norm_eps = static_cast<float>(file.norm_eps);
  c.tied = file.tied.value_or(family->tied);
  PRECIS_RETURN_IF_ERROR(CheckShape(c, c.head_dim, "'" + file.origin + "'"));
  c.attention_scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  PRECIS_ASSIGN_OR_RETURN(c.rope, ReadHfRope(file.rope, family->rope_base, c.head_dim, c.context, file.origin));
  c.local_rope = c.rope;
  if (file.local_rope.base > 0) {
    PRECIS_ASSIGN_OR_RETURN(c.local_rope, ReadHfRope(file.local_rope, 0, c.head_dim, c.context, file.origin));
  }
  PRECIS_RETURN_IF_ERROR(family->read_hf(file, &c));
  c.context = StretchedContext(c.rope.scaling, c.context);
  return c;
}

}  // namespace precis::engine
