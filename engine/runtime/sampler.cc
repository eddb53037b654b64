#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace precis::engine {
namespace {

// SplitMix64 (Steele, Lea and Flood, 2014), used as a function of a counter.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// In [0, 1).
double Uniform(uint64_t seed, int64_t index) {
  return static_cast<double>(Mix(Mix(seed) ^ static_cast<uint64_t>(index)) >> 11) * 0x1p-53;
}

}  // namespace

absl::Status CheckSampling(const Sampling& s) {
  if (!(s.temperature >= 0) || s.temperature > 10) {
    return absl::InvalidArgumentError(absl::StrCat("temperature is ", s.temperature, "; it must be 0 to 10"));
  }
  if (s.top_k < 0) return absl::InvalidArgumentError(absl::StrCat("top_k is ", s.top_k, "; it must not be negative"));
  if (!(s.top_p > 0) || s.top_p > 1) {
    return absl::InvalidArgumentError(absl::StrCat("top_p is ", s.top_p, "; it must be above 0 and at most 1"));
  }
  if (!(s.min_p >= 0) || s.min_p >= 1) {
    return absl::InvalidArgumentError(absl::StrCat("min_p is ", s.min_p, "; it must be at least 0 and below 1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<TokenId> Sampler::Next(std::span<const float> logits, int64_t index) {
  TokenId best = 0;
  bool nan = false;
  for (size_t i = 0; i < logits.size(); ++i) {
    nan |= std::isnan(logits[i]);
    if (logits[i] > logits[static_cast<size_t>(best)]) best = static_cast<TokenId>(i);
  }
  if (nan) return absl::InternalError("a logit is not a number");
  if (options_.temperature == 0) return best;

  // Candidates in order of probability, as a heap: only those that survive are ever sorted.
  const auto worse = [&](TokenId a, TokenId b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x < y : a > b;
  };
  const double peak = logits[static_cast<size_t>(best)];
  const auto weight = [&](TokenId id) { return std::exp(static_cast<double>(logits[static_cast<size_t>(id)]) - peak); };
  candidates_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) candidates_[i] = static_cast<TokenId>(i);
  size_t keep = candidates_.size();
  if (options_.top_k > 0) keep = std::min(keep, static_cast<size_t>(options_.top_k));
  const auto better = [&](TokenId a, TokenId b) { return worse(b, a); };
  if (keep < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(keep) - 1, candidates_.end(),
                     better);
    candidates_.resize(keep);
  }
  if (options_.top_p < 1) {
    // The smallest set of the best whose probability reaches top_p; at least one.
    double total = 0;
    for (const TokenId id : candidates_) total += weight(id);
    std::make_heap(candidates_.begin(), candidates_.end(), worse);
    double reached = 0;
    size_t taken = 0;
    while (taken < candidates_.size() && (taken == 0 || reached < options_.top_p * total)) {
      std::pop_heap(candidates_.begin(), candidates_.end() - static_cast<ptrdiff_t>(taken), worse);
      ++taken;
      reached += weight(candidates_[candidates_.size() - taken]);
    }
    // The best stand at the end, best last.
    candidates_.erase(candidates_.begin(), candidates_.end() - static_cast<ptrdiff_t>(taken));
  }
  if (options_.min_p > 0) {
    std::erase_if(candidates_, [&](TokenId id) { return weight(id) < options_.min_p; });
  }
  // In the order of ids, so that the draw does not depend on how the candidates were found.
  std::sort(candidates_.begin(), candidates_.end());
  weights_.clear();
  double total = 0;
  for (const TokenId id : candidates_) {
    total += std::exp((static_cast<double>(logits[static_cast<size_t>(id)]) - peak) / options_.temperature);
    weights_.push_back(total);
  }
  const double drawn = Uniform(options_.seed, index) * total;
  const auto at = std::upper_bound(weights_.begin(), weights_.end(), drawn);
  return candidates_[static_cast<size_t>(std::min(at, weights_.end() - 1) - weights_.begin())];
}

}  // namespace precis::engine
