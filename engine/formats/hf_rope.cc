#include "formats/hf_rope.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int64_t kMaxContext = int64_t{1} << 20;
constexpr double kMaxFactor = 1 << 20;
constexpr double kMinBase = 1.000001, kMaxBase = 1e12;
constexpr size_t kMaxFactors = 4096;

const json* Member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// The object `key` of `object`, null where there is none.
absl::StatusOr<const json*> Object(const json& object, const char* key, const std::string& origin) {
  const json* found = Member(object, key);
  if (found == nullptr || found->is_object()) return found;
  return absl::InvalidArgumentError(
      absl::StrCat("'", origin, "': ", key, " is ", JsonText(*found), ", an object is needed"));
}

// The scaling parameters; null: there are none. `nested`: there is one object for each kind of layer inside.
absl::StatusOr<const json*> Parameters(const json& config, const std::string& origin, bool* nested) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    PRECIS_ASSIGN_OR_RETURN(const json* all, Object(config, key, origin));
    if (all == nullptr) continue;
    *nested = all->contains("full_attention") || all->contains("sliding_attention");
    return all;
  }
  return nullptr;
}

absl::StatusOr<int64_t> OriginalContext(const json& config, const json& parameters, const std::string& origin) {
  constexpr const char* kKey = "original_max_position_embeddings";
  // Phi-3 writes it beside the parameters; that one counts there.
  for (const json* object : {&config, &parameters}) {
    if (Member(*object, kKey) != nullptr) return JsonInteger(*object, kKey, 1, kMaxContext, origin);
  }
  return JsonInteger(config, "max_position_embeddings", 1, kMaxContext, origin);
}

absl::StatusOr<std::vector<double>> Factors(const json& parameters, const char* key, const std::string& origin) {
  const json* list = Member(parameters, key);
  std::vector<double> factors;
  if (list != nullptr && list->is_array() && list->size() <= kMaxFactors) {
    for (const json& value : *list) {
      const double factor = value.is_number() ? value.get<double>() : 0;
      if (!(factor > 0 && factor <= kMaxFactor)) break;
      factors.push_back(factor);
    }
    if (!factors.empty() && factors.size() == list->size()) return factors;
  }
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': ", key, " is ",
                                                 list == nullptr ? "missing" : JsonText(*list),
                                                 ", an array of numbers above 0 is needed"));
}

double YarnMagnitude(double factor, double scale) { return factor <= 1 ? 1 : 0.1 * scale * std::log(factor) + 1; }

// Leaves alone what the object does not say.
absl::Status ParseBase(const json& object, const std::string& origin, HfRope* rope) {
  PRECIS_ASSIGN_OR_RETURN(rope->base, JsonNumber(object, "rope_theta", rope->base, kMinBase, kMaxBase, origin));
  PRECIS_ASSIGN_OR_RETURN(rope->partial, JsonNumber(object, "partial_rotary_factor", rope->partial, 1e-3, 1, origin));
  return absl::OkStatus();
}

absl::Status ParseYarn(const json& parameters, const std::string& origin, RopeScaling* s) {
  PRECIS_ASSIGN_OR_RETURN(s->beta_fast, JsonNumber(parameters, "beta_fast", 32, 1e-6, 1e6, origin));
  PRECIS_ASSIGN_OR_RETURN(s->beta_slow, JsonNumber(parameters, "beta_slow", 1, 1e-6, 1e6, origin));
  PRECIS_ASSIGN_OR_RETURN(s->truncate, JsonBool(parameters, "truncate", true, origin));
  PRECIS_ASSIGN_OR_RETURN(const double scale, JsonNumber(parameters, "mscale", 0, 0, 1000, origin));
  PRECIS_ASSIGN_OR_RETURN(const double all, JsonNumber(parameters, "mscale_all_dim", 0, 0, 1000, origin));
  const double usual = scale > 0 && all > 0 ? YarnMagnitude(s->factor, scale) / YarnMagnitude(s->factor, all)
                                            : YarnMagnitude(s->factor, 1);
  PRECIS_ASSIGN_OR_RETURN(s->attention_factor, JsonNumber(parameters, "attention_factor", usual, 1e-3, 1000, origin));
  return absl::OkStatus();
}

absl::Status ParseLongRope(const json& config, const json& parameters, const std::string& origin, RopeScaling* s) {
  PRECIS_ASSIGN_OR_RETURN(s->factors, Factors(parameters, "short_factor", origin));
  PRECIS_ASSIGN_OR_RETURN(s->long_factors, Factors(parameters, "long_factor", origin));
  PRECIS_ASSIGN_OR_RETURN(const int64_t context,
                          JsonInteger(config, "max_position_embeddings", 1, kMaxContext, origin));
  const double original = static_cast<double>(s->original_context);
  PRECIS_ASSIGN_OR_RETURN(
      s->factor, JsonNumber(parameters, "factor", static_cast<double>(context) / original, 1e-3, kMaxFactor, origin));
  const double usual = s->factor > 1 && original > 1 ? std::sqrt(1 + std::log(s->factor) / std::log(original)) : 1;
  PRECIS_ASSIGN_OR_RETURN(s->attention_factor, JsonNumber(parameters, "attention_factor", usual, 1e-3, 1000, origin));
  return absl::OkStatus();
}

absl::Status ParseScaling(const json& config, const json& parameters, const std::string& origin, RopeScaling* s) {
  PRECIS_ASSIGN_OR_RETURN(const std::string old_type, JsonString(parameters, "type", "default", origin));
  PRECIS_ASSIGN_OR_RETURN(std::string type, JsonString(parameters, "rope_type", old_type.c_str(), origin));
  // Names of LongRoPE in the first releases of Phi-3: they are no YaRN.
  if (type == "su" || (type == "yarn" && parameters.contains("long_factor"))) type = "longrope";
  if (type == "default") return absl::OkStatus();
  const struct {
    const char* name;
    RopeScalingKind kind;
  } kinds[] = {{"linear", RopeScalingKind::kLinear},
               {"dynamic", RopeScalingKind::kDynamic},
               {"yarn", RopeScalingKind::kYarn},
               {"llama3", RopeScalingKind::kLlama3},
               {"longrope", RopeScalingKind::kLongRope}};
  for (const auto& [name, kind] : kinds) {
    if (type == name) s->kind = kind;
  }
  if (s->kind == RopeScalingKind::kNone) {
    return absl::UnimplementedError(
        absl::StrCat("'", origin, "': rope_type is ", Quoted(type),
                     "; default, linear, dynamic, yarn, llama3 and longrope are supported"));
  }
  if (s->kind != RopeScalingKind::kLinear) {
    PRECIS_ASSIGN_OR_RETURN(s->original_context, OriginalContext(config, parameters, origin));
  }
  if (s->kind == RopeScalingKind::kLongRope) return ParseLongRope(config, parameters, origin, s);
  if (Member(parameters, "factor") == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin, "': rope_type is ", type, ", but factor is missing"));
  }
  PRECIS_ASSIGN_OR_RETURN(s->factor, JsonNumber(parameters, "factor", 1, 1e-3, kMaxFactor, origin));
  if (s->kind == RopeScalingKind::kDynamic) {
    // It is the window that is stretched, whatever else the file names.
    PRECIS_ASSIGN_OR_RETURN(s->original_context,
                            JsonInteger(config, "max_position_embeddings", 1, kMaxContext, origin));
    if (s->factor < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", origin, "': factor is ", s->factor, ", dynamic scaling needs at least 1"));
    }
  }
  if (s->kind == RopeScalingKind::kYarn) return ParseYarn(parameters, origin, s);
  if (s->kind == RopeScalingKind::kLlama3) {
    PRECIS_ASSIGN_OR_RETURN(s->low_frequency, JsonNumber(parameters, "low_freq_factor", 1, 1e-6, 1e6, origin));
    PRECIS_ASSIGN_OR_RETURN(s->high_frequency, JsonNumber(parameters, "high_freq_factor", 4, 1e-6, 1e6, origin));
    if (!(s->high_frequency > s->low_frequency)) {
      return absl::InvalidArgumentError(absl::StrCat("'", origin, "': high_freq_factor is ", s->high_frequency,
                                                     ", it must be above low_freq_factor, which is ",
                                                     s->low_frequency));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const char* RopeScalingName(RopeScalingKind kind) {
  switch (kind) {
    case RopeScalingKind::kNone:
      return "none";
    case RopeScalingKind::kLinear:
      return "linear";
    case RopeScalingKind::kDynamic:
      return "dynamic";
    case RopeScalingKind::kYarn:
      return "yarn";
    case RopeScalingKind::kLlama3:
      return "llama3";
    case RopeScalingKind::kLongRope:
      return "longrope";
    case RopeScalingKind::kFactors:
      return "factors";
  }
  return "unknown";
}

absl::StatusOr<HfRope> ParseHfRope(const json& config, const std::string& origin) {
  HfRope rope;
  PRECIS_RETURN_IF_ERROR(ParseBase(config, origin, &rope));
  bool nested = false;
  PRECIS_ASSIGN_OR_RETURN(const json* parameters, Parameters(config, origin, &nested));
  if (nested) {
    PRECIS_ASSIGN_OR_RETURN(parameters, Object(*parameters, "full_attention", origin));
  }
  if (parameters == nullptr) return rope;
  PRECIS_RETURN_IF_ERROR(ParseBase(*parameters, origin, &rope));
  PRECIS_RETURN_IF_ERROR(ParseScaling(config, *parameters, origin, &rope.scaling));
  return rope;
}

absl::StatusOr<HfRope> ParseHfLocalRope(const json& config, const std::string& origin) {
  HfRope rope;
  PRECIS_ASSIGN_OR_RETURN(rope.base, JsonNumber(config, "rope_local_base_freq", 0, kMinBase, kMaxBase, origin));
  bool nested = false;
  PRECIS_ASSIGN_OR_RETURN(const json* parameters, Parameters(config, origin, &nested));
  if (!nested) return rope;
  PRECIS_ASSIGN_OR_RETURN(parameters, Object(*parameters, "sliding_attention", origin));
  if (parameters == nullptr) return rope;
  PRECIS_RETURN_IF_ERROR(ParseBase(*parameters, origin, &rope));
  PRECIS_RETURN_IF_ERROR(ParseScaling(config, *parameters, origin, &rope.scaling));
  return rope;
}

}  // namespace precis::engine
