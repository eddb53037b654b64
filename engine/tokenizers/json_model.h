// The model of a tokenizer.json: vocabulary, merges, scores.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "tokenizers/added_tokens.h"
#include "tokenizers/json_read.h"
#include "tokenizers/model.h"
#include "tokenizers/pretokenize.h"

namespace precis::engine {

struct JsonModel {
  std::unique_ptr<TokenModel> model;
  std::vector<std::string> texts;          // by id: the tokens as the file writes them
  std::unique_ptr<PreTokenizer> shortcut;  // see TokenizerParts; may be null
};

// `byte_level`: the file writes bytes as characters. Special tokens of `added` are left out of what the model finds.
// Errors: InvalidArgument (a field, token or merge that is wrong), Unimplemented (a model or option, named).
absl::StatusOr<JsonModel> ReadModel(const nlohmann::json& model, bool byte_level, const std::vector<AddedToken>& added,
                                    const JsonOrigin& origin);

}  // namespace precis::engine
