// The normalizer of a tokenizer.json.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "tokenizers/json_read.h"
#include "tokenizers/normalize.h"

namespace precis::engine {

// Appends the steps of the normalizer; null adds none. What is not known is refused by its name.
absl::Status ReadNormalizer(const nlohmann::json& normalizer, const JsonOrigin& origin,
                            std::vector<std::unique_ptr<Normalizer>>* steps);

}  // namespace precis::engine
