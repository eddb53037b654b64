#include "formats/hf_t5_config.h"

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int64_t kMaxConfigBytes = 4 << 20, kMaxEvents = 1 << 20;
constexpr int kMaxDepth = 16;
constexpr size_t kMaxEnds = 64;

bool Has(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

absl::StatusOr<int64_t> IntegerOr(const json& object, const char* key, int64_t fallback, int64_t least, int64_t most,
                                  const std::string& origin) {
  if (!Has(object, key)) return fallback;
  return JsonInteger(object, key, least, most, origin);
}

absl::Status ParseSizes(const json& object, HfT5Config* c) {
  const struct {
    const char* key;
    int64_t most;
    int64_t* value;
  } numbers[] = {
      {"d_model", 16384, &c->hidden},          {"d_kv", 1024, &c->head_dim},
      {"num_heads", 256, &c->heads},           {"d_ff", 131072, &c->ffn},
      {"num_layers", 256, &c->encoder_layers}, {"vocab_size", 1 << 22, &c->vocabulary},
  };
  for (const auto& number : numbers) {
    PRECIS_ASSIGN_OR_RETURN(*number.value, JsonInteger(object, number.key, 1, number.most, c->origin));
  }
  PRECIS_ASSIGN_OR_RETURN(c->decoder_layers,
                          IntegerOr(object, "num_decoder_layers", c->encoder_layers, 1, 256, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->buckets, IntegerOr(object, "relative_attention_num_buckets", 32, 4, 1024, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->max_distance, IntegerOr(object, "relative_attention_max_distance", 128, c->buckets / 2 + 1,
                                                     1 << 20, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->max_tokens, IntegerOr(object, "n_positions", 512, 1, 1 << 16, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->norm_eps, JsonNumber(object, "layer_norm_epsilon", 1e-6, 1e-30, 0.1, c->origin));
  if (c->buckets % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", c->origin, "': relative_attention_num_buckets is ", c->buckets,
                                                   ", an even number is needed"));
  }
  if (c->hidden % 16 != 0) {
    return absl::UnimplementedError(
        absl::StrCat("'", c->origin, "': d_model is ", c->hidden, ", multiples of 16 are supported"));
  }
  return absl::OkStatus();
}

absl::Status ParseFeedForward(const json& object, HfT5Config* c) {
  const char* usual = c->model_type == "mt5" ? "gated-gelu" : "relu";
  PRECIS_ASSIGN_OR_RETURN(std::string name, JsonString(object, "feed_forward_proj", usual, c->origin));
  const std::string whole = name;
  if (name.starts_with("gated-")) {
    c->gated = true;
    name = name.substr(6);
  }
  // "gated-gelu" means the form with tanh, whatever "gelu" alone would mean.
  if (name == "relu") {
    c->activation = T5Activation::kRelu;
  } else if (name == "gelu_new" || (c->gated && name == "gelu")) {
    c->activation = T5Activation::kGeluTanh;
  } else if (name == "silu") {
    c->activation = T5Activation::kSilu;
  } else {
    return absl::UnimplementedError(absl::StrCat("'", c->origin, "': feed_forward_proj is ", Quoted(whole),
                                                 "; relu, silu, gelu_new and gated-gelu, -relu, -silu are supported"));
  }
  return absl::OkStatus();
}

absl::Status ParseTokens(const json& object, HfT5Config* c) {
  const int64_t last = c->vocabulary - 1;
  PRECIS_ASSIGN_OR_RETURN(const int64_t padding, IntegerOr(object, "pad_token_id", 0, 0, last, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->decoder_start, IntegerOr(object, "decoder_start_token_id", padding, 0, last, c->origin));
  const auto ends = object.find("eos_token_id");
  if (ends != object.end() && ends->is_array()) {
    if (ends->size() > kMaxEnds) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", c->origin, "': eos_token_id has ", ends->size(), " entries, at most ", kMaxEnds));
    }
    for (const json& end : *ends) {
      const json one = {{"eos_token_id", end}};
      PRECIS_ASSIGN_OR_RETURN(c->ends.emplace_back(), JsonInteger(one, "eos_token_id", 0, last, c->origin));
    }
  } else {
    PRECIS_ASSIGN_OR_RETURN(c->ends.emplace_back(), IntegerOr(object, "eos_token_id", 1, 0, last, c->origin));
  }
  if (c->ends.empty()) return absl::InvalidArgumentError(absl::StrCat("'", c->origin, "': eos_token_id is empty"));
  return absl::OkStatus();
}

}  // namespace

bool IsHfT5(const std::string& model_type) { return model_type == "t5" || model_type == "mt5"; }

absl::StatusOr<HfT5Config> ParseHfT5Config(const std::string& text, const std::string& origin) {
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseJson(text, kMaxDepth, origin, kMaxEvents));
  if (!object.is_object()) return absl::InvalidArgumentError(absl::StrCat("'", origin, "': is no JSON object"));
  HfT5Config c;
  c.origin = origin;
  PRECIS_ASSIGN_OR_RETURN(c.model_type, JsonString(object, "model_type", "", origin));
  if (!IsHfT5(c.model_type)) {
    return absl::UnimplementedError(
        absl::StrCat("'", origin, "': model_type is ", Quoted(c.model_type), ", not t5 or mt5"));
  }
  PRECIS_RETURN_IF_ERROR(ParseSizes(object, &c));
  PRECIS_RETURN_IF_ERROR(ParseFeedForward(object, &c));
  PRECIS_RETURN_IF_ERROR(ParseTokens(object, &c));
  // Files of T5 1.1 say false; where a file is silent, the head was the embedding. mT5 never scales.
  PRECIS_ASSIGN_OR_RETURN(const bool tied, JsonBool(object, "tie_word_embeddings", true, origin));
  c.scaled_output = tied && c.model_type == "t5";
  return c;
}

absl::StatusOr<HfT5Config> ReadHfT5Config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConfigBytes));
  return ParseHfT5Config(text, path);
}

}  // namespace precis::engine
