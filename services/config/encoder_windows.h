// The value of the key encoder-max-tokens.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace precis::services {

// "all-minilm-l6-v2=512,nomic-embed-text-v1.5=2048" as tokens by the encoder's name without "@MODE". InvalidArgument
// with the part that is no such pair, names a model twice or is no number of 3 to 1,048,576. What a model can take is
// the engine's to say, when it is loaded.
absl::StatusOr<std::map<std::string, int64_t>> ParseEncoderWindows(const std::string& text);

}  // namespace precis::services
