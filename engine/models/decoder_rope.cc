#include "models/decoder_rope.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

constexpr int64_t kMaxContext = int64_t{1} << 20;

absl::StatusOr<double> Number(const GgufFile& file, const std::string& key, double fallback, double least,
                              double most) {
  PRECIS_ASSIGN_OR_RETURN(const float value, file.GetF32Or(key, static_cast<float>(fallback)));
  if (!(value >= least && value <= most)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, "' is ", value, " in ", file.path(), "; it must be ", least, " to ", most));
  }
  return file.Has(key) ? static_cast<double>(value) : fallback;
}

absl::StatusOr<std::vector<double>> Divisors(const GgufFile& file, const char* name, int64_t rotary) {
  PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, file.tensors().Get(name, {rotary / 2}));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<float> values, Dequantize(*tensor));
  for (const float v : values) {
    if (v > 0 && v <= 1 << 20) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", name, "' of ", file.path(), " holds ", v, "; divisors must be above 0"));
  }
  return std::vector<double>(values.begin(), values.end());
}

absl::Status ReadYarn(const GgufFile& file, const std::string& prefix, RopeScaling* s) {
  PRECIS_ASSIGN_OR_RETURN(s->beta_fast, Number(file, prefix + "yarn_beta_fast", 32, 1e-6, 1e6));
  PRECIS_ASSIGN_OR_RETURN(s->beta_slow, Number(file, prefix + "yarn_beta_slow", 1, 1e-6, 1e6));
  const double usual = s->factor > 1 ? 0.1 * std::log(s->factor) + 1 : 1;
  PRECIS_ASSIGN_OR_RETURN(const double magnitude, Number(file, prefix + "yarn_attn_factor", usual, 1e-3, 1000));
  s->attention_factor *= magnitude;
  // Other values of these would be other methods.
  for (const auto& [key, plain] : {std::pair<const char*, float>{"yarn_ext_factor", 1}, {"yarn_log_multiplier", 0}}) {
    PRECIS_ASSIGN_OR_RETURN(const float value, file.GetF32Or(prefix + key, plain));
    if (value != plain) {
      return absl::UnimplementedError(
          absl::StrCat("'", prefix, key, "' is ", value, " in ", file.path(), "; only ", plain, " is supported"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadScaling(const GgufFile& file, const std::string& architecture, int64_t rotary, int64_t context,
                         RopeScaling* s) {
  const std::string prefix = architecture + ".rope.scaling.";
  PRECIS_ASSIGN_OR_RETURN(const std::string type, file.GetStringOr(prefix + "type", "none"));
  PRECIS_ASSIGN_OR_RETURN(s->original_context, file.GetI64Or(prefix + "original_context_length", context));
  if (s->original_context < 1 || s->original_context > kMaxContext) {
    return absl::InvalidArgumentError(absl::StrCat("'", prefix, "original_context_length' is ", s->original_context,
                                                   " in ", file.path(), "; it must be 1 to ", kMaxContext));
  }
  PRECIS_ASSIGN_OR_RETURN(s->attention_factor, Number(file, prefix + "attn_factor", 1, 1e-3, 1000));
  if (type != "none" && type != "linear" && type != "yarn" && type != "longrope") {
    return absl::UnimplementedError(absl::StrCat("'", prefix, "type' is ", Quoted(type), " in ", file.path(),
                                                 "; none, linear, yarn and longrope are supported"));
  }
  // Divisors say more than a type, and converters write them without one.
  if (file.tensors().Find("rope_freqs.weight") != nullptr) {
    s->kind = RopeScalingKind::kFactors;
    PRECIS_ASSIGN_OR_RETURN(s->factors, Divisors(file, "rope_freqs.weight", rotary));
    return absl::OkStatus();
  }
  if (type == "longrope" || file.tensors().Find("rope_factors_long.weight") != nullptr) {
    s->kind = RopeScalingKind::kLongRope;
    PRECIS_ASSIGN_OR_RETURN(s->factors, Divisors(file, "rope_factors_short.weight", rotary));
    PRECIS_ASSIGN_OR_RETURN(s->long_factors, Divisors(file, "rope_factors_long.weight", rotary));
    return absl::OkStatus();
  }
  if (type == "none") return absl::OkStatus();
  s->kind = type == "linear" ? RopeScalingKind::kLinear : RopeScalingKind::kYarn;
  if (!file.Has(prefix + "factor")) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", prefix, "type' is '", type, "' in ", file.path(), ", but '", prefix, "factor' is missing"));
  }
  PRECIS_ASSIGN_OR_RETURN(s->factor, Number(file, prefix + "factor", 1, 1e-3, 1 << 20));
  return s->kind == RopeScalingKind::kYarn ? ReadYarn(file, prefix, s) : absl::OkStatus();
}

absl::Status CheckRotary(int64_t rotary, int64_t head_dim, const std::string& origin) {
  if (rotary >= 2 && rotary <= head_dim && rotary % 2 == 0) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(rotary, " of ", head_dim, " values of a head are turned in ", origin,
                                               "; an even number from 2 to ", head_dim, " is supported"));
}

}  // namespace

absl::StatusOr<ops::RopeConfig> ReadGgufRope(const GgufFile& file, const std::string& architecture, int64_t head_dim,
                                             int64_t context) {
  ops::RopeConfig rope;
  rope.head_dim = head_dim;
  rope.context = context;
  PRECIS_ASSIGN_OR_RETURN(rope.rotary_dim, file.GetI64Or(architecture + ".rope.dimension_count", head_dim));
  PRECIS_RETURN_IF_ERROR(CheckRotary(rope.rotary_dim, head_dim, file.path()));
  PRECIS_ASSIGN_OR_RETURN(rope.base, Number(file, architecture + ".rope.freq_base", 10000, 1.000001, 1e12));
  PRECIS_RETURN_IF_ERROR(ReadScaling(file, architecture, rope.rotary_dim, context, &rope.scaling));
  return rope;
}

absl::StatusOr<ops::RopeConfig> ReadHfRope(const HfRope& rope, double base, int64_t head_dim, int64_t context,
                                           const std::string& origin) {
  ops::RopeConfig config;
  config.head_dim = head_dim;
  config.context = context;
  config.rotary_dim = static_cast<int64_t>(static_cast<double>(head_dim) * rope.partial);
  PRECIS_RETURN_IF_ERROR(CheckRotary(config.rotary_dim, head_dim, origin));
  config.base = rope.base > 0 ? rope.base : base;
  config.scaling = rope.scaling;
  const size_t pairs = static_cast<size_t>(config.rotary_dim / 2);
  if (rope.scaling.kind == RopeScalingKind::kLongRope &&
      (rope.scaling.factors.size() != pairs || rope.scaling.long_factors.size() != pairs)) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin, "': short_factor has ", rope.scaling.factors.size(),
                                                   " numbers and long_factor ", rope.scaling.long_factors.size(),
                                                   ", there are ", pairs, " pairs of values in a head"));
  }
  return config;
}

int64_t StretchedContext(const RopeScaling& scaling, int64_t context) {
  if (scaling.kind != RopeScalingKind::kDynamic && scaling.kind != RopeScalingKind::kYarn) return context;
  const double stretched = static_cast<double>(scaling.original_context) * scaling.factor;
  return std::clamp(static_cast<int64_t>(std::min(stretched, static_cast<double>(kMaxContext))), context,
                    std::max(context, kMaxContext));
}

}  // namespace precis::engine
