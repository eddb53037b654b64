// The post_processor of a tokenizer.json.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "tokenizers/json_read.h"

namespace precis::engine {

// The ids around a single text. What is not known is refused by its name.
absl::Status ReadPostProcessor(const nlohmann::json& processor, const JsonOrigin& origin, std::vector<TokenId>* prefix,
                               std::vector<TokenId>* suffix);

}  // namespace precis::engine
