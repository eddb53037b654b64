#include "ops/rope.h"

#include <cmath>

namespace precis::engine::ops {

Rope::Rope(const RopeConfig& config) : config_(config) {
  for (int64_t i = 0; i < config.head_dim / 2; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim);
    frequency_.push_back(std::pow(static_cast<double>(config.base), exponent) / config.linear_scale);
  }
}

void Rope::Angles(int64_t position, float* cos_sin) const {
  for (size_t i = 0; i < frequency_.size(); ++i) {
    const double angle = static_cast<double>(position) * frequency_[i];
    cos_sin[2 * i] = static_cast<float>(std::cos(angle));
    cos_sin[2 * i + 1] = static_cast<float>(std::sin(angle));
  }
}

void Rope::Apply(const float* cos_sin, int64_t heads, float* x) const {
  const int64_t half = config_.head_dim / 2;
  const int64_t step = config_.interleaved ? 2 : 1, apart = config_.interleaved ? 1 : half;
  for (int64_t h = 0; h < heads; ++h, x += config_.head_dim) {
    for (int64_t i = 0; i < half; ++i) {
      const float c = cos_sin[2 * i], s = cos_sin[2 * i + 1];
      const float a = x[i * step], b = x[i * step + apart];
      x[i * step] = a * c - b * s;
      x[i * step + apart] = a * s + b * c;
    }
  }
}

}  // namespace precis::engine::ops
