#include "ops/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace precis::engine::ops {
namespace {

std::vector<double> Plain(double base, int64_t rotary_dim) {
  std::vector<double> frequency;
  for (int64_t i = 0; i < rotary_dim / 2; ++i) {
    frequency.push_back(std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(rotary_dim)));
  }
  return frequency;
}

// Pairs before `low` turn so often within the original context that positions between those seen are in between; pairs
// after `high` never came round once.
void Yarn(const RopeScaling& s, double base, int64_t rotary_dim, std::vector<double>* frequency) {
  const auto pair_with_turns = [&](double turns) {
    return static_cast<double>(rotary_dim) *
           std::log(static_cast<double>(s.original_context) / (turns * 2 * std::numbers::pi)) / (2 * std::log(base));
  };
  double low = pair_with_turns(s.beta_fast), high = pair_with_turns(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rotary_dim - 1));
  if (low == high) high += 0.001;  // as the reference implementation does
  for (size_t i = 0; i < frequency->size(); ++i) {
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    double& f = (*frequency)[i];
    f = f / s.factor * stretched + f * (1 - stretched);
  }
}

void Llama3(const RopeScaling& s, std::vector<double>* frequency) {
  const double context = static_cast<double>(s.original_context);
  for (double& f : *frequency) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength < context / s.high_frequency) continue;
    if (wavelength > context / s.low_frequency) {
      f /= s.factor;
      continue;
    }
    const double kept = (context / wavelength - s.low_frequency) / (s.high_frequency - s.low_frequency);
    f = (1 - kept) * f / s.factor + kept * f;
  }
}

}  // namespace

Rope::Rope(const RopeConfig& config) : config_(config) {
  if (config_.rotary_dim == 0) config_.rotary_dim = config_.head_dim;
  const RopeScaling& s = config_.scaling;
  frequency_ = Plain(config_.base, config_.rotary_dim);
  switch (s.kind) {
    case RopeScalingKind::kNone:
    case RopeScalingKind::kDynamic:
      break;
    case RopeScalingKind::kLinear:
      for (double& f : frequency_) f /= s.factor;
      break;
    case RopeScalingKind::kYarn:
      Yarn(s, config_.base, config_.rotary_dim, &frequency_);
      break;
    case RopeScalingKind::kLlama3:
      Llama3(s, &frequency_);
      break;
    case RopeScalingKind::kLongRope:
    case RopeScalingKind::kFactors: {
      const bool longer = s.kind == RopeScalingKind::kLongRope && config_.context > s.original_context;
      const std::vector<double>& divisors = longer ? s.long_factors : s.factors;
      for (size_t i = 0; i < frequency_.size(); ++i) frequency_[i] /= divisors[i];
      break;
    }
  }
}

void Rope::Angles(int64_t position, float* cos_sin) const {
  const RopeScaling& s = config_.scaling;
  // Dynamic scaling raises the base to base * growth, so frequency i falls by growth^(2 i / rotary_dim).
  double log_growth = 0;
  if (s.kind == RopeScalingKind::kDynamic && position >= s.original_context && config_.rotary_dim > 2) {
    const double length = static_cast<double>(position + 1), dim = static_cast<double>(config_.rotary_dim);
    const double stretch = s.factor * length / static_cast<double>(s.original_context) - (s.factor - 1);
    log_growth = std::log(stretch) * dim / (dim - 2);
  }
  for (size_t i = 0; i < frequency_.size(); ++i) {
    double angle = static_cast<double>(position) * frequency_[i];
    if (log_growth != 0) {
      angle *= std::exp(-2.0 * static_cast<double>(i) / static_cast<double>(config_.rotary_dim) * log_growth);
    }
    cos_sin[2 * i] = static_cast<float>(std::cos(angle) * s.attention_factor);
    cos_sin[2 * i + 1] = static_cast<float>(std::sin(angle) * s.attention_factor);
  }
}

void Rope::Apply(const float* cos_sin, int64_t heads, float* x) const {
  const int64_t half = config_.rotary_dim / 2;
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
