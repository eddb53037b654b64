// The tokenizer inside a GGUF file. The file names its parts ("gpt2" with pre-tokenizer "qwen2", ...); what the names
// stand for is the model's own tokenizer as published, normalisation included.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "formats/gguf.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// Errors: InvalidArgument for a missing or wrong field (named), Unimplemented for a tokenizer model or pre-tokenizer
// that is not supported (named).
absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerFromGguf(const GgufFile& file);

}  // namespace precis::engine
