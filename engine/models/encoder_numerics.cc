#include "models/encoder_numerics.h"

#include "absl/strings/str_cat.h"

namespace precis::engine {

absl::StatusOr<EncoderNumerics> EncoderNumericsOf(const std::string& mode) {
  if (mode.empty() || mode == "fp32") return EncoderNumerics{};
  if (mode == "int8-v1") return EncoderNumerics{mode, DensePrecision::kInt16, DensePrecision::kInt8};
  return absl::InvalidArgumentError(
      absl::StrCat("numeric mode '", mode, "' is not one of an encoder: use 'fp32' or 'int8-v1'"));
}

}  // namespace precis::engine
