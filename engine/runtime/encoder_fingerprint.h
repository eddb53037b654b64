// The fingerprint of an encoder: everything that changes its vectors (design, section 4).
#pragma once

#include <string>

#include "formats/encoder_config.h"
#include "precis/engine/model_info.h"

namespace precis::engine {

// Changes whenever a kernel changes a bit of the result.
inline constexpr const char* kEncoderKernelVersion = "encoder-fp32-1";

// Reads tokenizer_fingerprint, numeric_mode, max_tokens, pooling and the prefixes of `info`. `weights_sha256`: of the
// weights' file. `head`: what stands on the encoder; empty: pooling alone. The long-input policy is a call's choice:
// the fingerprint names the three policies' version, and what stores vectors must add the one it used.
std::string EncoderFingerprint(const ModelInfo& info, const EncoderConfig& config, const std::string& weights_sha256,
                               float temperature, const std::string& head = "");

}  // namespace precis::engine
