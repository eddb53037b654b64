// What the JSON files of a Hugging Face folder say about an encoder: config.json, and those that sentence-transformers
// adds beside it (modules.json, 1_Pooling/config.json, sentence_bert_config.json).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/encoder_config.h"

namespace precis::engine {

// The contents of those files; empty: not there. `origin` names the folder in messages.
struct HfConfigTexts {
  std::string config, modules, pooling, sentence_bert;
  std::string origin;
};

// Errors: InvalidArgument for broken JSON, a missing field or a value out of bounds, with the file, field and value;
// Unimplemented for a model type, pooling, activation or position scheme that no encoder here has, by name.
absl::StatusOr<EncoderConfig> ParseHfEncoderConfig(const HfConfigTexts& texts);

// Reads the files of `folder`. NotFound when config.json is not there.
absl::StatusOr<EncoderConfig> ReadHfEncoderConfig(const std::string& folder);

}  // namespace precis::engine
