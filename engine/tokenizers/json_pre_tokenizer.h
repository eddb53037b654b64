// The pre_tokenizer of a tokenizer.json.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "tokenizers/json_read.h"
#include "tokenizers/pretokenize.h"

namespace precis::engine {

// Appends the steps; null adds none. *byte_level becomes true when one of them writes bytes as characters. What is not
// known is refused by its name.
absl::Status ReadPreTokenizer(const nlohmann::json& pre_tokenizer, const JsonOrigin& origin,
                              std::vector<std::unique_ptr<PreTokenizer>>* steps, bool* byte_level);

}  // namespace precis::engine
