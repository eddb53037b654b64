// How many drafts are worth their time: measured acceptance against measured cost.
//
// A step verifies drafts as further rows, and a row costs much less than a step. With P_j the probability that the
// first j drafts of a sequence are all right, drafts are taken as long as the tokens a second grow; the threshold on
// P_j at which SpecDec++ stops (Huang et al., arXiv 2405.19715) follows from what rows cost on this machine. The text
// never depends on any of this, only the time.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace precis::engine {

inline constexpr int kMostDrafts = 15;  // of a sequence and step
// Of all sequences together: a step must stay short for those who wait.
inline constexpr int64_t kMostAddedDrafts = 32;
// Drafts must promise this many times the tokens a second: more than their promises on sampled text, where one lookup
// in four is right, may be too high.
inline constexpr double kLeastDraftGain = 1.2;

// The share of right drafts among those of a kind (a length of match, a level of confidence).
class AcceptanceRates {
 public:
  static constexpr int kKinds = 10;

  // `prior` counts as `weight` observations; older ones fade with a memory of about `memory` observations.
  AcceptanceRates(const std::array<double, kKinds>& prior, double weight, double memory);

  void Count(int kind, bool right);
  double Of(int kind) const { return right_[Index(kind)] / all_[Index(kind)]; }
  // With `others` counting as `weight` observations.
  double Of(int kind, const AcceptanceRates& others, double weight) const {
    return (right_[Index(kind)] + weight * others.Of(kind)) / (all_[Index(kind)] + weight);
  }

 private:
  static size_t Index(int kind) { return static_cast<size_t>(kind); }
  double fade_;
  std::array<double, kKinds> right_, all_;
};

// What a step takes by its number of rows, in seconds: measured, where that was long ago or never, extrapolated.
class StepCost {
 public:
  static constexpr int64_t kMostRows = 64;

  StepCost();
  void Measure(int64_t rows, double seconds);
  // Requires a measurement, and 1 <= rows.
  double Of(int64_t rows) const;
  bool known() const { return known_; }

 private:
  double Line(int64_t rows) const;  // the extrapolation

  bool known_ = false;
  double first_ = 0, share_;  // a step of one row, and the share of it that a further row takes
  std::array<double, kMostRows + 1> seconds_{}, weight_{};
};

// What one sequence could verify in the next step.
struct DraftOffer {
  int count = 0;                           // of drafts; <= kMostDrafts
  std::array<double, kMostDrafts> chance;  // [j]: that the first j + 1 are all right; never increases
  int taken = 0;                           // the answer
};

// Decides how many drafts of each sequence are verified, for the most expected tokens a second. `rows`: of the step
// without drafts. Unknown cost: none.
void PlanDrafts(int64_t rows, const StepCost& cost, std::span<DraftOffer> offers);

}  // namespace precis::engine
