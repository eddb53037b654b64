#include "formats/hf_config.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/hf_families.h"
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

// Each module is a step after the encoder; one that is left out would change every vector, so an unknown one is an
// error. Sets `has_pooling`.
absl::Status ParseModules(const std::string& text, const std::string& origin, EncoderConfig* config,
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

absl::Status ParsePooling(const std::string& text, const std::string& origin, EncoderConfig* config) {
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

absl::Status ParseSentenceBert(const std::string& text, const std::string& origin, EncoderConfig* config) {
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(text, origin));
  const auto limit = object.find("max_seq_length");
  if (limit == object.end() || limit->is_null()) return absl::OkStatus();
  // Two tokens are the special ones around a text: less leaves no room for any.
  PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, JsonInteger(object, "max_seq_length", 3, 1048576, origin));
  config->max_tokens = std::min(tokens, config->positions());
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

absl::StatusOr<EncoderConfig> ParseHfEncoderConfig(const HfConfigTexts& texts) {
  const std::string folder = texts.origin + "/";
  EncoderConfig config;
  PRECIS_ASSIGN_OR_RETURN(const json object, ParseObject(texts.config, folder + "config.json"));
  PRECIS_RETURN_IF_ERROR(ParseFamilyConfig(object, folder + "config.json", &config));
  config.max_tokens = config.positions();
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

absl::StatusOr<EncoderConfig> ReadHfEncoderConfig(const std::string& folder) {
  HfConfigTexts texts;
  texts.origin = folder;
  PRECIS_ASSIGN_OR_RETURN(texts.config, ReadFile(folder + "/config.json", kMaxConfigBytes));
  PRECIS_ASSIGN_OR_RETURN(texts.modules, ReadIfThere(folder + "/modules.json"));
  PRECIS_ASSIGN_OR_RETURN(texts.pooling, ReadIfThere(folder + "/1_Pooling/config.json"));
  PRECIS_ASSIGN_OR_RETURN(texts.sentence_bert, ReadIfThere(folder + "/sentence_bert_config.json"));
  return ParseHfEncoderConfig(texts);
}

}  // namespace precis::engine
