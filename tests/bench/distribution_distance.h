// How far one next-token distribution is from another, summed over positions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "cpu/decode_kernels.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

class DistributionDistance {
 public:
  explicit DistributionDistance(const cpu::DecodeKernels& kernels) : kernels_(&kernels) {}

  // `p`: the reference's logits, `q`: the others, of one position; `next`: the token that follows in the text.
  void Add(std::span<const float> p, std::span<const float> q, TokenId next) {
    const double zp = kernels_->log_sum_exp(p.data(), static_cast<int64_t>(p.size()));
    const double zq = kernels_->log_sum_exp(q.data(), static_cast<int64_t>(q.size()));
    double kl = 0;
    for (size_t v = 0; v < p.size(); ++v) {
      const double lp = p[v] - zp;
      if (lp > -30) kl += std::exp(lp) * (lp - (q[v] - zq));
    }
    divergence_ += kl;
    largest_ = std::max(largest_, kl);
    agree_ += std::max_element(p.begin(), p.end()) - p.begin() == std::max_element(q.begin(), q.end()) - q.begin();
    reference_loss_ -= p[static_cast<size_t>(next)] - zp;
    loss_ -= q[static_cast<size_t>(next)] - zq;
    ++positions_;
  }

  int64_t positions() const { return positions_; }

  // KL divergences in nats; requires a position.
  nlohmann::json ToJson() const {
    const double n = static_cast<double>(positions_);
    return {{"positions", positions_},
            {"mean_kl", divergence_ / n},
            {"max_kl", largest_},
            {"top1", static_cast<double>(agree_) / n},
            {"perplexity_reference", std::exp(reference_loss_ / n)},
            {"perplexity_ratio", std::exp((loss_ - reference_loss_) / n)}};
  }

 private:
  const cpu::DecodeKernels* kernels_;
  double divergence_ = 0, largest_ = 0, reference_loss_ = 0, loss_ = 0;
  int64_t positions_ = 0, agree_ = 0;
};

}  // namespace precis::engine
