#include "runtime/draft_plan.h"

#include <algorithm>

namespace precis::engine {
namespace {

// What a further row costs, as a share of a step with one, until measured.
constexpr double kRowShare = 0.3;
// That guess counts as much as one step with four rows.
constexpr double kShareWeight = 9;
// Old measurements count less with every step, so that what was slow once is tried again.
constexpr double kFade = 0.995, kMostWeight = 8, kLineWeight = 0.5;

}  // namespace

StepCost::StepCost() : share_(kRowShare) {}

AcceptanceRates::AcceptanceRates(const std::array<double, kKinds>& prior, double weight, double memory)
    : fade_(1 - 1 / memory) {
  for (size_t k = 0; k < kKinds; ++k) {
    right_[k] = prior[k] * weight;
    all_[k] = weight;
  }
}

void AcceptanceRates::Count(int kind, bool right) {
  right_[Index(kind)] = right_[Index(kind)] * fade_ + (right ? 1 : 0);
  all_[Index(kind)] = all_[Index(kind)] * fade_ + 1;
}

double StepCost::Line(int64_t rows) const { return first_ * (1 + share_ * static_cast<double>(rows - 1)); }

void StepCost::Measure(int64_t rows, double seconds) {
  if (rows < 1 || rows > kMostRows || !(seconds > 0)) return;
  // The process may have been stopped meanwhile: one such step must not count for many.
  if (known_) seconds = std::min(seconds, 2 * Of(rows));
  for (double& w : weight_) w *= kFade;
  double& weight = weight_[static_cast<size_t>(rows)];
  weight = std::min(weight + 1, kMostWeight);
  double& value = seconds_[static_cast<size_t>(rows)];
  value += (seconds - value) / weight;
  known_ = true;

  // The line through what was measured: first the share of a row with a step of one row as it was, then that step.
  if (weight_[1] > kLineWeight) {
    double above = kShareWeight * kRowShare, all = kShareWeight;
    for (int64_t r = 2; r <= kMostRows; ++r) {
      const double w = weight_[static_cast<size_t>(r)] * static_cast<double>(r - 1);
      above += w * (seconds_[static_cast<size_t>(r)] / seconds_[1] - 1);
      all += w * static_cast<double>(r - 1);
    }
    share_ = std::max(0.0, above / all);
  }
  double sum = 0, all = 0;
  for (int64_t r = 1; r <= kMostRows; ++r) {
    const double w = weight_[static_cast<size_t>(r)];
    sum += w * seconds_[static_cast<size_t>(r)] / (1 + share_ * static_cast<double>(r - 1));
    all += w;
  }
  first_ = sum / all;
}

double StepCost::Of(int64_t rows) const {
  if (rows > kMostRows) return Line(rows);
  const double weight = weight_[static_cast<size_t>(rows)];
  return (weight * seconds_[static_cast<size_t>(rows)] + kLineWeight * Line(rows)) / (weight + kLineWeight);
}

void PlanDrafts(int64_t rows, const StepCost& cost, std::span<DraftOffer> offers) {
  for (DraftOffer& offer : offers) offer.taken = 0;
  if (!cost.known() || rows < 1) return;
  double tokens = static_cast<double>(rows);
  double best = kLeastDraftGain * tokens / cost.Of(rows);
  int64_t added = 0, best_added = 0;
  // One after the other, always the likeliest; the best number of them counts.
  std::array<DraftOffer*, kMostAddedDrafts> order;
  const int64_t most = std::min(kMostAddedDrafts, StepCost::kMostRows - rows);
  while (added < most) {
    DraftOffer* next = nullptr;
    double chance = 0;
    for (DraftOffer& offer : offers) {
      if (offer.taken == offer.count) continue;
      const double c = offer.chance[static_cast<size_t>(offer.taken)];
      if (c > chance) {
        next = &offer;
        chance = c;
      }
    }
    if (next == nullptr) break;
    ++next->taken;
    order[static_cast<size_t>(added++)] = next;
    tokens += chance;
    const double speed = tokens / cost.Of(rows + added);
    if (speed > best) {
      best = speed;
      best_added = added;
    }
  }
  for (; added > best_added; --added) --order[static_cast<size_t>(added - 1)]->taken;
}

}  // namespace precis::engine
