// config.json of each family: the keys differ, the network's numbers are the same kind. Internal to formats.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "formats/encoder_config.h"
#include "nlohmann/json.hpp"

namespace precis::engine {

// Fills all of `config` but what sentence-transformers adds. Errors as ParseHfEncoderConfig.
absl::Status ParseFamilyConfig(const nlohmann::json& object, const std::string& origin, EncoderConfig* config);

}  // namespace precis::engine
