// Rotary position embedding (Su et al., arXiv 2104.09864).
#pragma once

#include <cstdint>
#include <vector>

namespace precis::engine::ops {

struct RopeConfig {
  int64_t head_dim = 0;       // even
  float base = 10000.0f;      // > 0
  float linear_scale = 1.0f;  // positions are divided by it ("linear" scaling)
  // Which two values of a head turn together: i and i + head_dim / 2, or 2 i and 2 i + 1 (how GGUF stores Llama).
  bool interleaved = false;
};

class Rope {
 public:
  explicit Rope(const RopeConfig& config);

  // cos and sin of one position, [head_dim / 2][2], for Apply. Computed in double: the same on every machine and for
  // every way to reach a position.
  void Angles(int64_t position, float* cos_sin) const;

  // Turns `heads` consecutive vectors of head_dim values in place.
  void Apply(const float* cos_sin, int64_t heads, float* x) const;

  int64_t angle_floats() const { return config_.head_dim; }

 private:
  RopeConfig config_;
  std::vector<double> frequency_;
};

}  // namespace precis::engine::ops
