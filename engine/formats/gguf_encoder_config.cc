#include "formats/gguf_encoder_config.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

absl::Status NotSupported(const GgufFile& file, const std::string& what) {
  return absl::UnimplementedError(absl::StrCat("'", file.path(), "': ", what));
}

absl::Status Wrong(const GgufFile& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("'", file.path(), "': ", what));
}

absl::StatusOr<int64_t> Number(const GgufFile& file, const std::string& key, int64_t most) {
  PRECIS_ASSIGN_OR_RETURN(const int64_t value, file.GetI64(key));
  if (value < 1 || value > most) return Wrong(file, absl::StrCat(key, " is ", value, ", 1 to ", most, " is supported"));
  return value;
}

// Numbered as in llama.cpp.
absl::StatusOr<Pooling> ReadPooling(const GgufFile& file, const std::string& key) {
  PRECIS_ASSIGN_OR_RETURN(const int64_t type, file.GetI64Or(key, 0));
  if (type == 0 || type == 1) return Pooling::kMean;
  if (type == 2) return Pooling::kCls;
  return NotSupported(file, absl::StrCat(key, " is ", type, "; 0 (none: mean), 1 (mean) and 2 (cls) are supported"));
}

// Rows of a table with `columns` columns; 0 when the file has no such tensor.
absl::StatusOr<int64_t> Rows(const GgufFile& file, const char* name, int64_t columns, int64_t most) {
  const TensorView* tensor = file.tensors().Find(name);
  if (tensor == nullptr) return 0;
  if (tensor->shape.size() <= 2 && tensor->columns() == columns && tensor->rows() <= most) return tensor->rows();
  return Wrong(file, absl::StrCat("tensor '", name, "' has shape ", ShapeText(tensor->shape), ", at most [", most, ", ",
                                  columns, "] is supported"));
}

absl::Status ReadRotary(const GgufFile& file, const std::string& prefix, EncoderConfig* config) {
  PRECIS_ASSIGN_OR_RETURN(const float base, file.GetF32Or(prefix + "rope.freq_base", 10000));
  if (!(base > 1 && base <= 1e9f)) {
    return Wrong(file, absl::StrCat(prefix, "rope.freq_base is ", base, ", a number above 1 and up to 1e9 is needed"));
  }
  PRECIS_ASSIGN_OR_RETURN(const std::string scaling, file.GetStringOr(prefix + "rope.scaling.type", "none"));
  if (scaling != "none") {
    return NotSupported(file, absl::StrCat(prefix, "rope.scaling.type is ", Quoted(scaling),
                                           "; longer windows are an option of loading (dynamic NTK)"));
  }
  if (config->head_dim() % 2 != 0 || config->head_dim() < 4) {
    return Wrong(file, absl::StrCat("a head has ", config->head_dim(),
                                    " values, rotary positions need an even number from 4 on"));
  }
  config->rope_base = base;
  config->trained_positions = config->max_position_embeddings;
  return absl::OkStatus();
}

}  // namespace

bool IsGgufEncoder(const std::string& architecture) { return architecture == "bert" || architecture == "nomic-bert"; }

std::string GgufEncoderNames() { return "bert and nomic-bert"; }

absl::StatusOr<EncoderConfig> ReadGgufEncoderConfig(const GgufFile& file) {
  EncoderConfig config;
  PRECIS_ASSIGN_OR_RETURN(config.model_type, file.Architecture());
  if (!IsGgufEncoder(config.model_type)) {
    return NotSupported(file, absl::StrCat("the architecture is ", Quoted(config.model_type), "; as GGUF files, ",
                                           GgufEncoderNames(), " are supported encoders"));
  }
  config.family = config.model_type == "bert" ? EncoderFamily::kBert : EncoderFamily::kNomicBert;
  const std::string prefix = config.model_type + ".";
  PRECIS_ASSIGN_OR_RETURN(config.hidden_size, Number(file, prefix + "embedding_length", 16384));
  PRECIS_ASSIGN_OR_RETURN(config.layers, Number(file, prefix + "block_count", 256));
  PRECIS_ASSIGN_OR_RETURN(config.attention_heads, Number(file, prefix + "attention.head_count", 256));
  PRECIS_ASSIGN_OR_RETURN(config.intermediate_size, Number(file, prefix + "feed_forward_length", 131072));
  PRECIS_ASSIGN_OR_RETURN(config.max_position_embeddings, Number(file, prefix + "context_length", 1048576));
  if (config.hidden_size % config.attention_heads != 0) {
    return Wrong(file, absl::StrCat(prefix, "embedding_length ", config.hidden_size, " is no multiple of ", prefix,
                                    "attention.head_count ", config.attention_heads));
  }
  PRECIS_ASSIGN_OR_RETURN(const float eps, file.GetF32(prefix + "attention.layer_norm_epsilon"));
  if (!(eps > 0 && eps <= 0.1f)) {
    return Wrong(file, absl::StrCat(prefix, "attention.layer_norm_epsilon is ", eps,
                                    ", a number above 0 and up to 0.1 is needed"));
  }
  config.layer_norm_eps = eps;
  PRECIS_ASSIGN_OR_RETURN(const bool causal, file.GetBoolOr(prefix + "attention.causal", false));
  if (causal) return NotSupported(file, absl::StrCat(prefix, "attention.causal is true, so it is no encoder"));
  PRECIS_ASSIGN_OR_RETURN(const int64_t experts, file.GetI64Or(prefix + "expert_count", 0));
  if (experts > 1) return NotSupported(file, absl::StrCat(prefix, "expert_count is ", experts, ", 0 is supported"));
  PRECIS_ASSIGN_OR_RETURN(config.pooling, ReadPooling(file, prefix + "pooling_type"));

  PRECIS_ASSIGN_OR_RETURN(config.vocabulary_size, Rows(file, "token_embd.weight", config.hidden_size, 4194304));
  if (config.vocabulary_size == 0) return file.tensors().Get("token_embd.weight").status();
  PRECIS_ASSIGN_OR_RETURN(config.type_vocabulary_size, Rows(file, "token_types.weight", config.hidden_size, 1024));
  config.attention_bias = file.tensors().Find("blk.0.attn_output.bias") != nullptr;
  config.ffn_bias = file.tensors().Find("blk.0.ffn_down.bias") != nullptr;
  if (config.family == EncoderFamily::kNomicBert) {
    config.activation = Activation::kSilu;
    PRECIS_RETURN_IF_ERROR(ReadRotary(file, prefix, &config));
  }
  config.max_tokens = config.positions();
  return config;
}

}  // namespace precis::engine
