// The rotary positions that a config.json asks for. Internal to formats.
//
// Two spellings are in use: "rope_theta" with "rope_scaling" beside it, and (since transformers 5) one object
// "rope_parameters" with both, per kind of layer where the kinds differ.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/hf_decoder_config.h"
#include "nlohmann/json.hpp"

namespace precis::engine {

// For layers that attend to everything, or all layers of a file that makes no difference. Errors: InvalidArgument for a
// number that is missing or out of bounds, Unimplemented for a type that is not here, by name.
absl::StatusOr<HfRope> ParseHfRope(const nlohmann::json& config, const std::string& origin);

// What the file says of layers with a sliding window alone; base 0: nothing.
absl::StatusOr<HfRope> ParseHfLocalRope(const nlohmann::json& config, const std::string& origin);

}  // namespace precis::engine
