#include "formats/hf_decoder_config.h"

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/hf_rope.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int64_t kMaxConfigBytes = 4 << 20;
// tokenizer_config.json describes every added token; thousands of them make some megabytes.
constexpr int64_t kMaxTokenizerConfigBytes = 64 << 20;
constexpr int kMaxDepth = 16;
constexpr int64_t kMaxEvents = 1 << 20;
constexpr size_t kMaxEnds = 64;

template <typename... Parts>
absl::Status Wrong(const std::string& origin, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': ", parts...));
}

const json* Member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

absl::StatusOr<json> ParseObject(std::string_view text, const std::string& origin) {
  PRECIS_ASSIGN_OR_RETURN(json value, ParseJson(text, kMaxDepth, origin, kMaxEvents));
  if (!value.is_object()) return Wrong(origin, "is no JSON object");
  return value;
}

absl::StatusOr<int64_t> IntegerOr(const json& object, const char* key, int64_t fallback, int64_t least, int64_t most,
                                  const std::string& origin) {
  if (Member(object, key) == nullptr) return fallback;
  return JsonInteger(object, key, least, most, origin);
}

absl::Status ParseSizes(const json& object, HfDecoderConfig* c) {
  const struct {
    const char* key;
    int64_t most;
    int64_t* value;
  } numbers[] = {
      {"num_hidden_layers", 512, &c->layers},
      {"hidden_size", 65536, &c->hidden},
      {"intermediate_size", 262144, &c->ffn},
      {"num_attention_heads", 1024, &c->heads},
      {"max_position_embeddings", int64_t{1} << 20, &c->context},
      {"vocab_size", int64_t{1} << 22, &c->vocabulary},
  };
  for (const auto& number : numbers) {
    PRECIS_ASSIGN_OR_RETURN(*number.value, JsonInteger(object, number.key, 1, number.most, c->origin));
  }
  PRECIS_ASSIGN_OR_RETURN(c->kv_heads, IntegerOr(object, "num_key_value_heads", c->heads, 1, c->heads, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->head_dim, IntegerOr(object, "head_dim", c->hidden / c->heads, 1, 65536, c->origin));
  if (Member(object, "rms_norm_eps") == nullptr) {
    return Wrong(c->origin, "rms_norm_eps is missing, a number above 0 and up to 0.1 is needed");
  }
  PRECIS_ASSIGN_OR_RETURN(c->norm_eps, JsonNumber(object, "rms_norm_eps", 0, 1e-30, 0.1, c->origin));
  return absl::OkStatus();
}

absl::Status ParseLayerKinds(const json& object, HfDecoderConfig* c) {
  if (const json* types = Member(object, "layer_types"); types != nullptr) {
    if (!types->is_array() || types->size() != static_cast<size_t>(c->layers)) {
      return Wrong(c->origin, "layer_types is ", JsonText(*types), ", an array of ", c->layers, " texts is needed");
    }
    for (const json& type : *types) {
      if (type != "full_attention" && type != "sliding_attention") {
        return absl::UnimplementedError(absl::StrCat("'", c->origin, "': layer_types holds ", JsonText(type),
                                                     "; full_attention and sliding_attention are supported"));
      }
      c->layer_is_local.push_back(type == "sliding_attention");
    }
  }
  if (const json* list = Member(object, "no_rope_layers"); list != nullptr) {
    if (!list->is_array() || list->size() != static_cast<size_t>(c->layers)) {
      return Wrong(c->origin, "no_rope_layers is ", JsonText(*list), ", an array of ", c->layers,
                   " zeros and ones is needed");
    }
    for (const json& value : *list) {
      if (value != 0 && value != 1) return Wrong(c->origin, "no_rope_layers holds ", JsonText(value), ", not 0 or 1");
      c->layer_has_rope.push_back(value == 1);
    }
  }
  PRECIS_ASSIGN_OR_RETURN(c->no_rope_interval,
                          IntegerOr(object, "no_rope_layer_interval", 0, 1, int64_t{1} << 20, c->origin));
  return absl::OkStatus();
}

absl::Status ParseWindow(const json& object, HfDecoderConfig* c) {
  PRECIS_ASSIGN_OR_RETURN(c->window, IntegerOr(object, "sliding_window", 0, 1, int64_t{1} << 20, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->use_window, JsonBool(object, "use_sliding_window", false, c->origin));
  PRECIS_ASSIGN_OR_RETURN(c->max_window_layers,
                          IntegerOr(object, "max_window_layers", 0, 0, int64_t{1} << 20, c->origin));
  for (const char* key : {"_sliding_window_pattern", "sliding_window_pattern"}) {
    PRECIS_ASSIGN_OR_RETURN(c->window_pattern, IntegerOr(object, key, c->window_pattern, 1, 512, c->origin));
  }
  return absl::OkStatus();
}

absl::Status ParseCap(const json& object, const char* key, const std::string& origin, std::optional<double>* cap) {
  if (!object.contains(key)) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(*cap, JsonNumber(object, key, 0, 1e-3, 1e6, origin));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> ParseEnds(const json& object, const std::string& origin) {
  std::vector<int64_t> ends;
  const json* value = Member(object, "eos_token_id");
  if (value == nullptr) return ends;
  const json list = value->is_array() ? *value : json::array({*value});
  if (list.size() > kMaxEnds) return Wrong(origin, "eos_token_id holds ", list.size(), " ids, at most ", kMaxEnds);
  for (const json& id : list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= uint64_t{1} << 22) {
      return Wrong(origin, "eos_token_id is ", JsonText(id), ", whole numbers from 0 to 4,194,303 are needed");
    }
    ends.push_back(id.get<int64_t>());
  }
  return ends;
}

absl::StatusOr<std::string> ReadIfThere(const std::string& path, int64_t most) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::string();
  return ReadFile(path, most);
}

}  // namespace

absl::StatusOr<HfDecoderConfig> ParseHfDecoderConfig(const std::string& text, const std::string& origin) {
  HfDecoderConfig c;
  c.origin = origin;
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(text, origin));
  PRECIS_ASSIGN_OR_RETURN(c.model_type, JsonString(object, "model_type", "", origin));
  if (const json* names = Member(object, "architectures");
      names != nullptr && names->is_array() && !names->empty() && (*names)[0].is_string()) {
    c.architecture = (*names)[0].get<std::string>();
  }
  if (Member(object, "quantization_config") != nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("'", origin,
                     "': quantization_config: weights packed by another program are not read; use the original folder "
                     "(F32, F16 or BF16) or a GGUF file"));
  }
  PRECIS_RETURN_IF_ERROR(ParseSizes(object, &c));
  PRECIS_ASSIGN_OR_RETURN(const std::string act, JsonString(object, "hidden_act", "", origin));
  PRECIS_ASSIGN_OR_RETURN(c.activation, JsonString(object, "hidden_activation", act.c_str(), origin));
  if (Member(object, "tie_word_embeddings") != nullptr) {
    PRECIS_ASSIGN_OR_RETURN(c.tied, JsonBool(object, "tie_word_embeddings", false, origin));
  }
  PRECIS_ASSIGN_OR_RETURN(c.attention_bias, JsonBool(object, "attention_bias", false, origin));
  PRECIS_ASSIGN_OR_RETURN(c.mlp_bias, JsonBool(object, "mlp_bias", false, origin));
  PRECIS_ASSIGN_OR_RETURN(const bool both_ways, JsonBool(object, "use_bidirectional_attention", false, origin));
  if (both_ways) {
    return absl::UnimplementedError(absl::StrCat(
        "'", origin, "': use_bidirectional_attention is true: it looks at later tokens, so it is no decoder"));
  }
  PRECIS_RETURN_IF_ERROR(ParseLayerKinds(object, &c));
  PRECIS_RETURN_IF_ERROR(ParseWindow(object, &c));
  PRECIS_ASSIGN_OR_RETURN(c.rope, ParseHfRope(object, origin));
  PRECIS_ASSIGN_OR_RETURN(c.local_rope, ParseHfLocalRope(object, origin));
  PRECIS_ASSIGN_OR_RETURN(c.query_scalar, JsonNumber(object, "query_pre_attn_scalar", 0, 1e-3, 1e6, origin));
  PRECIS_RETURN_IF_ERROR(ParseCap(object, "attn_logit_softcapping", origin, &c.attention_cap));
  PRECIS_RETURN_IF_ERROR(ParseCap(object, "final_logit_softcapping", origin, &c.logit_cap));
  PRECIS_ASSIGN_OR_RETURN(c.ends, ParseEnds(object, origin));
  return c;
}

absl::StatusOr<HfDecoderConfig> ReadHfDecoderConfig(const std::string& folder) {
  const std::string path = folder + "/config.json";
  PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConfigBytes));
  return ParseHfDecoderConfig(text, path);
}

absl::StatusOr<std::string> ReadHfModelType(const std::string& folder) {
  const std::string path = folder + "/config.json";
  PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConfigBytes));
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(text, path));
  return JsonString(object, "model_type", "", path);
}

absl::StatusOr<std::vector<int64_t>> ReadHfEnds(const std::string& folder, const std::vector<int64_t>& of_config) {
  const std::string path = folder + "/generation_config.json";
  PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadIfThere(path, kMaxConfigBytes));
  if (text.empty()) return of_config;
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(text, path));
  PRECIS_ASSIGN_OR_RETURN(std::vector<int64_t> ends, ParseEnds(object, path));
  return ends.empty() ? of_config : ends;
}

absl::StatusOr<std::string> ReadHfChatTemplate(const std::string& folder) {
  PRECIS_ASSIGN_OR_RETURN(std::string jinja, ReadIfThere(folder + "/chat_template.jinja", kMaxConfigBytes));
  if (!jinja.empty()) return jinja;
  const std::string path = folder + "/tokenizer_config.json";
  PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadIfThere(path, kMaxTokenizerConfigBytes));
  if (text.empty()) return std::string();
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(text, path));
  const json* value = Member(object, "chat_template");
  if (value != nullptr && value->is_array()) {
    for (const json& entry : *value) {
      if (!entry.is_object()) continue;
      PRECIS_ASSIGN_OR_RETURN(const std::string name, JsonString(entry, "name", "", path));
      if (name == "default") return JsonString(entry, "template", "", path);
    }
    return std::string();
  }
  return JsonString(object, "chat_template", "", path);
}

}  // namespace precis::engine
