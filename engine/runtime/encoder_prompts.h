// The prefixes that sentence-transformers stores with a model (config_sentence_transformers.json).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace precis::engine {

struct EncoderPrompts {
  std::string query;
  std::string document;
};

// "prompts": {"query": ..., "document" or "passage": ...}; empty where it says nothing. `text`: the file's content;
// `origin`: its path, for messages. InvalidArgument for broken JSON, a prompt that is no text, or one above 4 KiB.
absl::StatusOr<EncoderPrompts> ParseEncoderPrompts(std::string_view text, const std::string& origin);

// Of the folder's file; empty prompts when there is none.
absl::StatusOr<EncoderPrompts> ReadEncoderPrompts(const std::string& folder);

}  // namespace precis::engine
