// What the metadata of a GGUF file says about an encoder: architectures "bert" and "nomic-bert".
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/encoder_config.h"
#include "formats/gguf.h"

namespace precis::engine {

// True for the architectures that ReadGgufEncoderConfig knows.
bool IsGgufEncoder(const std::string& architecture);

// "nomic-bert", as an architecture that it knows is called in a message: "bert and nomic-bert".
std::string GgufEncoderNames();

// Sizes come from the metadata, the vocabulary and the token types from the tensors that hold them, pooling from
// `pooling_type` (none: mean); vectors are normalised, and the window is the file's context_length. Errors:
// InvalidArgument for a missing or impossible value, with its key; Unimplemented for another architecture, pooling or
// RoPE scaling, by name.
absl::StatusOr<EncoderConfig> ReadGgufEncoderConfig(const GgufFile& file);

}  // namespace precis::engine
