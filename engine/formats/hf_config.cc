#include "formats/hf_config.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

// A config.json of a model with many labels has some 100 KB.
constexpr int64_t kMaxConfigBytes = 4 << 20;
constexpr int kMaxConfigDepth = 16;
constexpr int64_t kMaxConfigEvents = 1 << 18;

absl::StatusOr<json> ParseObject(const std::string& text, const std::string& origin) {
  PRECIS_ASSIGN_OR_RETURN(json value, ParseJson(text, kMaxConfigDepth, origin, kMaxConfigEvents));
  if (!value.is_object()) return absl::InvalidArgumentError(absl::StrCat("'", origin, "': is no JSON object"));
  return value;
}

absl::Status NotSupported(const std::string& origin, const std::string& what) {
  return absl::UnimplementedError(absl::StrCat("'", origin, "': ", what));
}

absl::StatusOr<Activation> ParseActivation(const json& object, const std::string& origin) {
  PRECIS_ASSIGN_OR_RETURN(const std::string name, JsonString(object, "hidden_act", "gelu", origin));
  if (name == "gelu") return Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return Activation::kGeluTanh;
  if (name == "relu") return Activation::kRelu;
  if (name == "silu" || name == "swish") return Activation::kSilu;
  return NotSupported(origin, absl::StrCat("hidden_act is ", Quoted(name), "; gelu, gelu_new, relu, silu are known"));
}

absl::Status ParseConfig(const json& object, const std::string& origin, HfEncoderConfig* config) {
  PRECIS_ASSIGN_OR_RETURN(config->model_type, JsonString(object, "model_type", "", origin));
  if (config->model_type != "bert") {
    return NotSupported(origin, absl::StrCat("model_type is ", Quoted(config->model_type),
                                             ", encoders of the type 'bert' are supported"));
  }
  if (const auto names = object.find("architectures");
      names != object.end() && names->is_array() && !names->empty() && (*names)[0].is_string()) {
    config->architecture = (*names)[0].get<std::string>();
  }
  PRECIS_ASSIGN_OR_RETURN(const std::string positions,
                          JsonString(object, "position_embedding_type", "absolute", origin));
  if (positions != "absolute") {
    return NotSupported(origin,
                        absl::StrCat("position_embedding_type is ", Quoted(positions), ", 'absolute' is supported"));
  }
  PRECIS_ASSIGN_OR_RETURN(const bool decoder, JsonBool(object, "is_decoder", false, origin));
  if (decoder) return NotSupported(origin, "is_decoder is true: it looks at earlier tokens only, so it is no encoder");

  const struct {
    const char* key;
    int64_t least, most;
    int64_t* value;
  } numbers[] = {
      {"hidden_size", 1, 16384, &config->hidden_size},
      {"num_hidden_layers", 1, 256, &config->layers},
      {"num_attention_heads", 1, 256, &config->attention_heads},
      {"intermediate_size", 1, 131072, &config->intermediate_size},
      {"max_position_embeddings", 1, 1048576, &config->max_position_embeddings},
      {"vocab_size", 1, 4194304, &config->vocabulary_size},
      {"type_vocab_size", 0, 1024, &config->type_vocabulary_size},
  };
  for (const auto& number : numbers) {
    PRECIS_ASSIGN_OR_RETURN(*number.value, JsonInteger(object, number.key, number.least, number.most, origin));
  }
  if (config->hidden_size % config->attention_heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin, "': hidden_size ", config->hidden_size,
                                                   " is no multiple of num_attention_heads ", config->attention_heads));
  }
  if (const auto eps = object.find("layer_norm_eps"); eps != object.end()) {
    const double value = eps->is_number() ? eps->get<double>() : 0;
    if (!(value > 0 && value <= 0.1)) {
      return absl::InvalidArgumentError(absl::StrCat("'", origin, "': layer_norm_eps is ", JsonText(*eps),
                                                     ", a number above 0 and up to 0.1 is needed"));
    }
    config->layer_norm_eps = value;
  }
  PRECIS_ASSIGN_OR_RETURN(config->activation, ParseActivation(object, origin));
  return absl::OkStatus();
}

// Each module is a step after the encoder; one that is left out would change every vector, so an unknown one is an
// error. Sets `has_pooling`.
absl::Status ParseModules(const std::string& text, const std::string& origin, HfEncoderConfig* config,
                          bool* has_pooling) {
  PRECIS_ASSIGN_OR_RETURN(const json modules, ParseJson(text, kMaxConfigDepth, origin, kMaxConfigEvents));
  if (!modules.is_array()) return absl::InvalidArgumentError(absl::StrCat("'", origin, "': is no JSON array"));
  config->normalize = false;
  for (const json& module : modules) {
    if (!module.is_object()) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", origin, "': a module is ", JsonText(module), ", not an object"));
    }
    PRECIS_ASSIGN_OR_RETURN(const std::string type, JsonString(module, "type", "", origin));
    // Newer versions write longer module paths with the same last part.
    const std::string kind = type.substr(type.rfind('.') + 1);
    if (kind == "Pooling") {
      *has_pooling = true;
    } else if (kind == "Normalize") {
      config->normalize = true;
    } else if (kind != "Transformer") {
      return NotSupported(origin, absl::StrCat("the module ", Quoted(type),
                                               " is not supported; Transformer, Pooling and Normalize are"));
    }
  }
  return absl::OkStatus();
}

absl::Status ParsePooling(const std::string& text, const std::string& origin, HfEncoderConfig* config) {
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(text, origin));
  constexpr std::string_view kPrefix = "pooling_mode_";
  std::string mode;
  for (const auto& [key, value] : object.items()) {
    if (!key.starts_with(kPrefix)) continue;
    PRECIS_ASSIGN_OR_RETURN(const bool on, JsonBool(object, key.c_str(), false, origin));
    if (!on) continue;
    if (!mode.empty()) {
      return NotSupported(origin, absl::StrCat("joins the poolings ", Quoted(mode), " and ", Quoted(key),
                                               "; a single one is supported"));
    }
    mode = key;
  }
  if (mode == "pooling_mode_mean_tokens") {
    config->pooling = Pooling::kMean;
  } else if (mode == "pooling_mode_cls_token") {
    config->pooling = Pooling::kCls;
  } else if (mode == "pooling_mode_max_tokens") {
    config->pooling = Pooling::kMax;
  } else if (mode.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin, "': no pooling_mode_... is true"));
  } else {
    return NotSupported(origin, absl::StrCat("the pooling ", Quoted(mode), " is not supported; mean, cls and max are"));
  }
  if (object.contains("word_embedding_dimension")) {
    PRECIS_RETURN_IF_ERROR(
        JsonInteger(object, "word_embedding_dimension", config->hidden_size, config->hidden_size, origin).status());
  }
  return absl::OkStatus();
}

absl::Status ParseSentenceBert(const std::string& text, const std::string& origin, HfEncoderConfig* config) {
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(text, origin));
  const auto limit = object.find("max_seq_length");
  if (limit == object.end() || limit->is_null()) return absl::OkStatus();
  // Two tokens are the special ones around a text: less leaves no room for any.
  PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, JsonInteger(object, "max_seq_length", 3, 1048576, origin));
  config->max_tokens = std::min(tokens, config->max_position_embeddings);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadIfThere(const std::string& path) {
  auto text = ReadFile(path, kMaxConfigBytes);
  if (absl::IsNotFound(text.status())) return std::string();
  if (text.ok() && text->empty()) return absl::InvalidArgumentError(absl::StrCat("'", path, "' is empty"));
  return text;
}

}  // namespace

const char* PoolingName(Pooling pooling) {
  switch (pooling) {
    case Pooling::kMean:
      return "mean";
    case Pooling::kCls:
      return "cls";
    case Pooling::kMax:
      break;
  }
  return "max";
}

absl::StatusOr<HfEncoderConfig> ParseHfEncoderConfig(const HfConfigTexts& texts) {
  const std::string folder = texts.origin + "/";
  HfEncoderConfig config;
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(texts.config, folder + "config.json"));
  PRECIS_RETURN_IF_ERROR(ParseConfig(object, folder + "config.json", &config));
  config.max_tokens = config.max_position_embeddings;
  bool has_pooling = !texts.pooling.empty();
  if (!texts.modules.empty()) {
    PRECIS_RETURN_IF_ERROR(ParseModules(texts.modules, folder + "modules.json", &config, &has_pooling));
  }
  const std::string pooling_origin = folder + "1_Pooling/config.json";
  if (has_pooling && texts.pooling.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", folder, "modules.json' has a Pooling module, but '",
                                                   pooling_origin, "' is missing: copy the whole model folder"));
  }
  if (has_pooling) PRECIS_RETURN_IF_ERROR(ParsePooling(texts.pooling, pooling_origin, &config));
  if (!texts.sentence_bert.empty()) {
    PRECIS_RETURN_IF_ERROR(ParseSentenceBert(texts.sentence_bert, folder + "sentence_bert_config.json", &config));
  }
  return config;
}

absl::StatusOr<HfEncoderConfig> ReadHfEncoderConfig(const std::string& folder) {
  HfConfigTexts texts;
  texts.origin = folder;
  PRECIS_ASSIGN_OR_RETURN(texts.config, ReadFile(folder + "/config.json", kMaxConfigBytes));
  PRECIS_ASSIGN_OR_RETURN(texts.modules, ReadIfThere(folder + "/modules.json"));
  PRECIS_ASSIGN_OR_RETURN(texts.pooling, ReadIfThere(folder + "/1_Pooling/config.json"));
  PRECIS_ASSIGN_OR_RETURN(texts.sentence_bert, ReadIfThere(folder + "/sentence_bert_config.json"));
  return ParseHfEncoderConfig(texts);
}

}  // namespace precis::engine
