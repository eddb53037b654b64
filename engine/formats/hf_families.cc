#include "formats/hf_families.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int64_t kMaxPositions = 1048576, kMaxLabels = 4096;

absl::Status NotSupported(const std::string& origin, const std::string& what) {
  return absl::UnimplementedError(absl::StrCat("'", origin, "': ", what));
}

bool Has(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

// A whole number within bounds; `fallback` when missing or null.
absl::StatusOr<int64_t> IntegerOr(const json& object, const char* key, int64_t fallback, int64_t least, int64_t most,
                                  const std::string& origin) {
  if (!Has(object, key)) return fallback;
  return JsonInteger(object, key, least, most, origin);
}

// A number > `above` and <= `most`; `fallback` when missing or null.
absl::StatusOr<double> RealOr(const json& object, const char* key, double fallback, double above, double most,
                              const std::string& origin) {
  if (!Has(object, key)) return fallback;
  const json& found = object[key];
  const double value = found.is_number() ? found.get<double>() : above;
  if (value > above && value <= most) return value;
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': ", key, " is ", JsonText(found), ", a number above ",
                                                 above, " and up to ", most, " is needed"));
}

absl::StatusOr<Activation> ActivationOr(const json& object, const char* key, const std::string& origin) {
  PRECIS_ASSIGN_OR_RETURN(const std::string name, JsonString(object, key, "gelu", origin));
  if (name == "gelu") return Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return Activation::kGeluTanh;
  if (name == "relu") return Activation::kRelu;
  if (name == "silu" || name == "swish") return Activation::kSilu;
  return NotSupported(origin, absl::StrCat(key, " is ", Quoted(name), "; gelu, gelu_new, relu and silu are known"));
}

// What the file calls a network's sizes.
struct SizeKeys {
  const char* hidden = "hidden_size";
  const char* layers = "num_hidden_layers";
  const char* heads = "num_attention_heads";
  const char* intermediate = "intermediate_size";
  const char* positions = "max_position_embeddings";
};

absl::Status ParseSizes(const json& object, const SizeKeys& keys, const std::string& origin, EncoderConfig* config) {
  const struct {
    const char* key;
    int64_t least, most;
    int64_t* value;
  } numbers[] = {
      {keys.hidden, 1, 16384, &config->hidden_size},
      {keys.layers, 1, 256, &config->layers},
      {keys.heads, 1, 256, &config->attention_heads},
      {keys.intermediate, 1, 131072, &config->intermediate_size},
      {keys.positions, 1, kMaxPositions, &config->max_position_embeddings},
      {"vocab_size", 1, 4194304, &config->vocabulary_size},
  };
  for (const auto& number : numbers) {
    PRECIS_ASSIGN_OR_RETURN(*number.value, JsonInteger(object, number.key, number.least, number.most, origin));
  }
  if (config->hidden_size % config->attention_heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin, "': ", keys.hidden, " ", config->hidden_size,
                                                   " is no multiple of ", keys.heads, " ", config->attention_heads));
  }
  return absl::OkStatus();
}

// The rows of learned positions that the padding token and those before it have are nobody's.
absl::Status SkipPaddingPositions(int64_t padding_id, const std::string& origin, EncoderConfig* config) {
  config->position_offset = padding_id + 1;
  if (config->position_offset < config->max_position_embeddings) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': max_position_embeddings is ",
                                                 config->max_position_embeddings, ", the first text's token has row ",
                                                 config->position_offset, " (pad_token_id + 1)"));
}

absl::Status CheckRotary(const std::string& origin, const EncoderConfig& config) {
  if (config.head_dim() % 2 == 0 && config.head_dim() >= 4) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': a head has ", config.head_dim(),
                                                 " values, rotary positions need an even number from 4 on"));
}

// BERT, RoBERTa and MPNet.
absl::Status ParseBertLike(const json& object, const std::string& origin, EncoderConfig* config) {
  PRECIS_ASSIGN_OR_RETURN(const std::string positions,
                          JsonString(object, "position_embedding_type", "absolute", origin));
  if (positions != "absolute") {
    return NotSupported(origin,
                        absl::StrCat("position_embedding_type is ", Quoted(positions), ", 'absolute' is supported"));
  }
  PRECIS_RETURN_IF_ERROR(ParseSizes(object, {}, origin, config));
  PRECIS_ASSIGN_OR_RETURN(config->layer_norm_eps, RealOr(object, "layer_norm_eps", 1e-12, 0, 0.1, origin));
  PRECIS_ASSIGN_OR_RETURN(config->activation, ActivationOr(object, "hidden_act", origin));
  if (config->family == EncoderFamily::kMpnet) {
    // The bucket of a distance has a sign; more distant ones than 128 share the last bucket.
    PRECIS_ASSIGN_OR_RETURN(config->relative_buckets,
                            IntegerOr(object, "relative_attention_num_buckets", 32, 4, 1024, origin));
    if (config->relative_buckets % 2 != 0) {
      return absl::InvalidArgumentError(absl::StrCat("'", origin, "': relative_attention_num_buckets is ",
                                                     config->relative_buckets, ", an even number is needed"));
    }
    return SkipPaddingPositions(1, origin, config);  // whatever pad_token_id says, as the reference has it
  }
  PRECIS_ASSIGN_OR_RETURN(config->type_vocabulary_size, JsonInteger(object, "type_vocab_size", 0, 1024, origin));
  if (config->family != EncoderFamily::kRoberta) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const int64_t padding, IntegerOr(object, "pad_token_id", 1, 0, kMaxPositions, origin));
  return SkipPaddingPositions(padding, origin, config);
}

absl::Status ParseDistilBert(const json& object, const std::string& origin, EncoderConfig* config) {
  PRECIS_RETURN_IF_ERROR(
      ParseSizes(object, {.hidden = "dim", .layers = "n_layers", .heads = "n_heads", .intermediate = "hidden_dim"},
                 origin, config));
  PRECIS_ASSIGN_OR_RETURN(config->activation, ActivationOr(object, "activation", origin));
  config->layer_norm_eps = 1e-12;  // in the code, not in the file
  config->classifier_activation = Activation::kRelu;
  return absl::OkStatus();
}

absl::Status ParseNomicBert(const json& object, const std::string& origin, EncoderConfig* config) {
  PRECIS_RETURN_IF_ERROR(ParseSizes(object,
                                    {.hidden = "n_embd",
                                     .layers = "n_layer",
                                     .heads = "n_head",
                                     .intermediate = "n_inner",
                                     .positions = "n_positions"},
                                    origin, config));
  PRECIS_ASSIGN_OR_RETURN(config->type_vocabulary_size, IntegerOr(object, "type_vocab_size", 0, 0, 1024, origin));
  PRECIS_ASSIGN_OR_RETURN(config->layer_norm_eps, RealOr(object, "layer_norm_epsilon", 1e-12, 0, 0.1, origin));
  PRECIS_ASSIGN_OR_RETURN(config->attention_bias, JsonBool(object, "qkv_proj_bias", true, origin));
  PRECIS_ASSIGN_OR_RETURN(config->ffn_bias, JsonBool(object, "mlp_fc1_bias", true, origin));
  PRECIS_ASSIGN_OR_RETURN(const bool second_bias, JsonBool(object, "mlp_fc2_bias", true, origin));
  if (second_bias != config->ffn_bias) {
    return NotSupported(origin, "mlp_fc1_bias and mlp_fc2_bias differ; both or neither is supported");
  }
  for (const char* key : {"prenorm", "use_rms_norm", "parallel_block", "rotary_emb_interleaved", "causal"}) {
    PRECIS_ASSIGN_OR_RETURN(const bool on, JsonBool(object, key, false, origin));
    if (on) return NotSupported(origin, absl::StrCat(key, " is true, false is supported"));
  }
  PRECIS_ASSIGN_OR_RETURN(const std::string activation, JsonString(object, "activation_function", "swiglu", origin));
  if (activation != "swiglu") {
    return NotSupported(origin, absl::StrCat("activation_function is ", Quoted(activation), ", swiglu is supported"));
  }
  config->activation = Activation::kSilu;
  PRECIS_ASSIGN_OR_RETURN(const double fraction, RealOr(object, "rotary_emb_fraction", 0, 0, 1, origin));
  if (fraction != 1) {
    return NotSupported(origin, absl::StrCat("rotary_emb_fraction is ", fraction, ", 1 is supported"));
  }
  if (Has(object, "rotary_emb_scale_base")) {
    return NotSupported(origin, "rotary_emb_scale_base is set, null is supported");
  }
  PRECIS_ASSIGN_OR_RETURN(const int64_t experts, IntegerOr(object, "num_experts", 0, 0, 1024, origin));
  if (experts > 1) {
    return NotSupported(origin, absl::StrCat("num_experts is ", experts, ": mixtures of experts are not supported"));
  }
  PRECIS_ASSIGN_OR_RETURN(config->rope_base, RealOr(object, "rotary_emb_base", 10000, 1, 1e9, origin));
  PRECIS_ASSIGN_OR_RETURN(config->ntk_factor, RealOr(object, "rotary_scaling_factor", 0, 0, 64, origin));
  PRECIS_ASSIGN_OR_RETURN(config->trained_positions,
                          IntegerOr(object, "max_trained_positions", 2048, 1, kMaxPositions, origin));
  if (config->ntk_factor == 0) {
    config->max_position_embeddings = std::min(config->max_position_embeddings, config->trained_positions);
  }
  return CheckRotary(origin, *config);
}

// The base of one kind of layer: newer files hold it in rope_parameters.
absl::StatusOr<double> ModernBertBase(const json& object, const char* kind, const char* old_key, double fallback,
                                      const std::string& origin) {
  const auto all = object.find("rope_parameters");
  if (all == object.end() || !all->is_object() || !all->contains(kind)) {
    return RealOr(object, old_key, fallback, 1, 1e9, origin);
  }
  const json& one = (*all)[kind];
  if (!one.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin, "': rope_parameters.", kind, " is no object"));
  }
  PRECIS_ASSIGN_OR_RETURN(const std::string type, JsonString(one, "rope_type", "default", origin));
  if (type != "default") {
    return NotSupported(origin, absl::StrCat("rope_type is ", Quoted(type), ", 'default' is supported"));
  }
  return RealOr(one, "rope_theta", fallback, 1, 1e9, origin);
}

// Newer files list the kind of each layer; the network here has the one pattern that ModernBERT was made with.
absl::Status CheckLayerTypes(const json& object, const std::string& origin, const EncoderConfig& config) {
  const auto types = object.find("layer_types");
  if (types == object.end() || types->is_null()) return absl::OkStatus();
  bool same = types->is_array() && static_cast<int64_t>(types->size()) == config.layers;
  for (int64_t i = 0; same && i < config.layers; ++i) {
    same = (*types)[static_cast<size_t>(i)] == (config.IsLocal(i) ? "sliding_attention" : "full_attention");
  }
  if (same) return absl::OkStatus();
  return NotSupported(origin, absl::StrCat("layer_types is not every ", config.global_every, "th layer of ",
                                           config.layers, " full_attention from the first on"));
}

absl::Status ParseModernBert(const json& object, const std::string& origin, EncoderConfig* config) {
  PRECIS_RETURN_IF_ERROR(ParseSizes(object, {}, origin, config));
  PRECIS_ASSIGN_OR_RETURN(config->layer_norm_eps, RealOr(object, "norm_eps", 1e-5, 0, 0.1, origin));
  PRECIS_ASSIGN_OR_RETURN(config->activation, ActivationOr(object, "hidden_activation", origin));
  PRECIS_ASSIGN_OR_RETURN(config->norm_bias, JsonBool(object, "norm_bias", false, origin));
  PRECIS_ASSIGN_OR_RETURN(config->attention_bias, JsonBool(object, "attention_bias", false, origin));
  PRECIS_ASSIGN_OR_RETURN(config->ffn_bias, JsonBool(object, "mlp_bias", false, origin));
  PRECIS_ASSIGN_OR_RETURN(config->rope_base,
                          ModernBertBase(object, "full_attention", "global_rope_theta", 160000, origin));
  PRECIS_ASSIGN_OR_RETURN(config->local_rope_base,
                          ModernBertBase(object, "sliding_attention", "local_rope_theta", 10000, origin));
  PRECIS_ASSIGN_OR_RETURN(config->global_every, IntegerOr(object, "global_attn_every_n_layers", 3, 1, 256, origin));
  PRECIS_ASSIGN_OR_RETURN(const int64_t window, IntegerOr(object, "local_attention", 128, 2, kMaxPositions, origin));
  config->local_reach = window / 2;
  PRECIS_ASSIGN_OR_RETURN(config->classifier_activation, ActivationOr(object, "classifier_activation", origin));
  PRECIS_ASSIGN_OR_RETURN(config->classifier_bias, JsonBool(object, "classifier_bias", false, origin));
  PRECIS_ASSIGN_OR_RETURN(const std::string pooling, JsonString(object, "classifier_pooling", "cls", origin));
  if (pooling != "cls" && pooling != "mean") {
    return NotSupported(origin, absl::StrCat("classifier_pooling is ", Quoted(pooling), "; cls and mean are known"));
  }
  config->classifier_pooling = pooling == "cls" ? Pooling::kCls : Pooling::kMean;
  PRECIS_RETURN_IF_ERROR(CheckLayerTypes(object, origin, *config));
  return CheckRotary(origin, *config);
}

// {"0": "NEGATIVE", "1": "POSITIVE"}.
absl::Status ParseLabels(const json& object, const std::string& origin, EncoderConfig* config) {
  if (!Has(object, "id2label")) {
    PRECIS_ASSIGN_OR_RETURN(const int64_t count, IntegerOr(object, "num_labels", 2, 1, kMaxLabels, origin));
    for (int64_t i = 0; i < count; ++i) config->labels.push_back(absl::StrCat("LABEL_", i));
    return absl::OkStatus();
  }
  const json& names = object["id2label"];
  const bool fits = names.is_object() && !names.empty() && static_cast<int64_t>(names.size()) <= kMaxLabels;
  for (size_t i = 0; fits && i < names.size(); ++i) {
    const auto name = names.find(std::to_string(i));
    if (name == names.end() || !name->is_string()) break;
    config->labels.push_back(name->get<std::string>());
  }
  if (fits && config->labels.size() == names.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': id2label is ", JsonText(names),
                                                 ", an object of 1 to ", kMaxLabels,
                                                 " names under \"0\", \"1\", ... is needed"));
}

constexpr std::pair<const char*, EncoderFamily> kModelTypes[] = {
    {"bert", EncoderFamily::kBert},
    {"roberta", EncoderFamily::kRoberta},
    {"xlm-roberta", EncoderFamily::kRoberta},
    {"mpnet", EncoderFamily::kMpnet},
    {"distilbert", EncoderFamily::kDistilBert},
    {"nomic_bert", EncoderFamily::kNomicBert},
    {"modernbert", EncoderFamily::kModernBert},
};

}  // namespace

absl::Status ParseFamilyConfig(const json& object, const std::string& origin, EncoderConfig* config) {
  PRECIS_ASSIGN_OR_RETURN(config->model_type, JsonString(object, "model_type", "", origin));
  std::string known;
  bool found = false;
  for (const auto& [name, family] : kModelTypes) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", name);
    if (config->model_type != name) continue;
    config->family = family;
    found = true;
  }
  if (!found) {
    return NotSupported(origin, absl::StrCat("model_type is ", Quoted(config->model_type),
                                             "; encoders of these types are supported: ", known));
  }
  if (const auto names = object.find("architectures");
      names != object.end() && names->is_array() && !names->empty() && (*names)[0].is_string()) {
    config->architecture = (*names)[0].get<std::string>();
  }
  PRECIS_ASSIGN_OR_RETURN(const bool decoder, JsonBool(object, "is_decoder", false, origin));
  if (decoder) return NotSupported(origin, "is_decoder is true: it looks at earlier tokens only, so it is no encoder");
  PRECIS_RETURN_IF_ERROR(ParseLabels(object, origin, config));
  switch (config->family) {
    case EncoderFamily::kDistilBert:
      return ParseDistilBert(object, origin, config);
    case EncoderFamily::kNomicBert:
      return ParseNomicBert(object, origin, config);
    case EncoderFamily::kModernBert:
      return ParseModernBert(object, origin, config);
    case EncoderFamily::kBert:
    case EncoderFamily::kRoberta:
    case EncoderFamily::kMpnet:
      break;
  }
  return ParseBertLike(object, origin, config);
}

}  // namespace precis::engine
