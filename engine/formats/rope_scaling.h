// How a model's files ask for rotary positions to be stretched past the context that it was first trained with.
// Read from GGUF (models/decoder_rope.cc) or config.json (hf_rope.cc), computed by ops/rope.h.
#pragma once

#include <cstdint>
#include <vector>

namespace precis::engine {

enum class RopeScalingKind {
  kNone,
  kLinear,    // every frequency / factor (arXiv 2306.15595)
  kDynamic,   // NTK-aware: past original_context the base grows with the position
  kYarn,      // arXiv 2309.00071: fast pairs as they were, slow ones / factor, a ramp between
  kLlama3,    // the same idea with wavelengths as borders (Llama 3.1)
  kLongRope,  // arXiv 2402.13753: a divisor for each pair, one set up to original_context, one for longer windows
  kFactors,   // a divisor for each pair (how GGUF stores Llama 3.1's)
};

// "linear", "yarn", ...
const char* RopeScalingName(RopeScalingKind kind);

// Every number is finite and in the bounds beside it; `rotary` is the number of values of a head that are turned.
struct RopeScaling {
  RopeScalingKind kind = RopeScalingKind::kNone;
  double factor = 1;             // > 0, <= 2^20: how much longer
  int64_t original_context = 0;  // 1 .. 2^20 where the kind needs it
  double attention_factor = 1;   // > 0, <= 1000: cosine and sine are multiplied by it
  double beta_fast = 32;         // kYarn: turns within original_context; > 0
  double beta_slow = 1;
  bool truncate = true;              // kYarn: the ramp begins and ends at whole pairs
  double low_frequency = 1;          // kLlama3: wavelengths above original_context / low_frequency are stretched whole,
  double high_frequency = 4;         // below original_context / high_frequency not at all; > low_frequency
  std::vector<double> factors;       // kFactors, kLongRope (short): rotary / 2, each > 0
  std::vector<double> long_factors;  // kLongRope: rotary / 2, each > 0
};

}  // namespace precis::engine
