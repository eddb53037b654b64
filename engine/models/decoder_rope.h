// The rotary positions of a decoder, from either kind of file. Internal to models.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/gguf.h"
#include "formats/hf_decoder_config.h"
#include "ops/rope.h"

namespace precis::engine {

// rope.* of `architecture` and the tensors rope_freqs.weight, rope_factors_long.weight, rope_factors_short.weight.
// Errors: Unimplemented for a scaling that is not here, by name; InvalidArgument for an impossible number, with the
// key.
absl::StatusOr<ops::RopeConfig> ReadGgufRope(const GgufFile& file, const std::string& architecture, int64_t head_dim,
                                             int64_t context);

// `base`: where the file is silent.
absl::StatusOr<ops::RopeConfig> ReadHfRope(const HfRope& rope, double base, int64_t head_dim, int64_t context,
                                           const std::string& origin);

// The window with the scaling applied: what a file states is the window before it where a factor is added by hand.
int64_t StretchedContext(const RopeScaling& scaling, int64_t context);

}  // namespace precis::engine
