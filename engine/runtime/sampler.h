// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "precis/engine/generator.h"

namespace precis::engine {

// InvalidArgument with the field, its value and its bounds.
absl::Status CheckSampling(const Sampling& sampling);

// The choice depends on the logits, the options and the token's index only: its random number is a function of seed and
// index, so the same seed gives the same text in any batch. Equal logits: the lower id wins. Keeps scratch memory; not
// thread-safe.
class Sampler {
 public:
  explicit Sampler(const Sampling& sampling) : options_(sampling) {}

  // `index` counts the tokens of this text from 0. Internal when a logit is NaN.
  absl::StatusOr<TokenId> Next(std::span<const float> logits, int64_t index);

 private:
  Sampling options_;
  std::vector<TokenId> candidates_;
  std::vector<double> weights_;
};

}  // namespace precis::engine
