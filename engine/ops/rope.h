// Rotary position embedding (Su et al., arXiv 2104.09864) with the scalings of formats/rope_scaling.h.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/rope_scaling.h"

namespace precis::engine::ops {

struct RopeConfig {
  int64_t head_dim = 0;      // even
  int64_t rotary_dim = 0;    // even, <= head_dim: the values from here on are left as they are; 0: head_dim
  double base = 10000;       // > 1
  int64_t context = 0;       // the window; decides between LongRoPE's two sets of factors
  bool interleaved = false;  // which two values turn together: i and i + rotary_dim / 2, or 2 i and 2 i + 1 (how GGUF
                             // stores Llama)
  RopeScaling scaling;
};

class Rope {
 public:
  explicit Rope(const RopeConfig& config);

  // cos and sin of one position, [rotary_dim / 2][2], for Apply. Computed in double: the same on every machine and for
  // every way to reach a position. Dynamic scaling therefore goes by the position, not by the length of a prompt: a
  // prompt is turned as if its tokens had come one by one.
  void Angles(int64_t position, float* cos_sin) const;

  // Turns `heads` consecutive vectors of head_dim values in place.
  void Apply(const float* cos_sin, int64_t heads, float* x) const;

  // Radians a position, [rotary_dim / 2]; with dynamic scaling those within the original context.
  const std::vector<double>& frequencies() const { return frequency_; }

 private:
  RopeConfig config_;
  std::vector<double> frequency_;
};

}  // namespace precis::engine::ops
