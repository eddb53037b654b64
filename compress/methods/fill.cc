#include "methods/fill.h"

#include <algorithm>
#include <set>

#include "boundaries.h"

namespace precis::compress {
namespace {

// Estimates are off by a token or so where parts join: this many more are tried exactly.
constexpr int64_t kSlackTokens = 1;
// Exact refusals after which the search for a smaller unit ends, and units that are tried for a cut.
constexpr int kMaxRefusals = 6;
constexpr int kMaxCuts = 3;
// A beginning of fewer tokens says nothing.
constexpr int64_t kMinCutTokens = 4;

class Filler {
 public:
  Filler(const MethodInput& input, const std::vector<Unit>& order)
      : input_(input), order_(order), state_(order.size()) {
    result_.units = input.required;
    for (const Unit& unit : input.required) blocks_.insert(input.table.block(unit.piece));
  }

  absl::StatusOr<FillResult> Run(size_t sure) {
    PRECIS_ASSIGN_OR_RETURN(result_.tokens, input_.fitter.Cost(result_.units));
    std::vector<int> batch;
    for (size_t i = 0; i < sure; ++i) batch.push_back(static_cast<int>(i));
    PRECIS_ASSIGN_OR_RETURN(bool grew, AddLongestPrefix(batch));
    for (int refusals = 0; refusals < kMaxRefusals;) {
      batch = NextBatch();
      if (batch.empty()) break;
      PRECIS_ASSIGN_OR_RETURN(grew, AddLongestPrefix(batch));
      if (!grew) {
        state_[static_cast<size_t>(batch.front())] = State::kRefused;
        ++refusals;
      }
    }
    for (int cuts = 0; cuts < kMaxCuts && result_.cut < 0 && result_.tokens < Enough(); ++cuts) {
      const int next = NextToCut();
      if (next < 0) break;
      PRECIS_RETURN_IF_ERROR(Cut(next));
    }
    return std::move(result_);
  }

 private:
  enum class State : char { kFree, kAdded, kRefused, kCutTried };

  // Beyond this nothing is cut.
  int64_t Enough() const { return input_.fitter.budget() - input_.fitter.budget() / 20; }

  int64_t Estimate(int i, const std::set<int>& blocks) const {
    const Unit& unit = order_[static_cast<size_t>(i)];
    const int block = input_.table.block(unit.piece);
    return input_.tokens.Estimate(unit) + (blocks.count(block) > 0 ? 0 : input_.tokens.BlockOverhead(block));
  }

  // Units, best first, that fit together by the estimates.
  std::vector<int> NextBatch() const {
    std::vector<int> batch;
    std::set<int> blocks = blocks_;
    int64_t left = input_.fitter.budget() - result_.tokens;
    for (size_t i = 0; i < order_.size() && left > 0; ++i) {
      if (state_[i] != State::kFree) continue;
      const int64_t cost = Estimate(static_cast<int>(i), blocks);
      if (cost > left + kSlackTokens) continue;
      batch.push_back(static_cast<int>(i));
      blocks.insert(input_.table.block(order_[i].piece));
      left -= cost;
    }
    return batch;
  }

  // False when not even the first of them fits.
  absl::StatusOr<bool> AddLongestPrefix(const std::vector<int>& batch) {
    if (batch.empty()) return false;
    const auto size = static_cast<int64_t>(batch.size());
    int64_t fitting_cost = 0;
    PRECIS_ASSIGN_OR_RETURN(const int64_t last, LargestFitting(size, size - 1, [&](int64_t i) -> absl::StatusOr<bool> {
                              std::vector<Unit> units = result_.units;
                              for (int64_t b = 0; b <= i; ++b)
                                units.push_back(order_[static_cast<size_t>(batch[static_cast<size_t>(b)])]);
                              PRECIS_ASSIGN_OR_RETURN(const int64_t cost, input_.fitter.Cost(units));
                              if (cost > input_.fitter.budget()) return false;
                              fitting_cost = cost;  // LargestFitting ends with the last hit as its answer
                              return true;
                            }));
    if (last < 0) return false;
    for (int64_t b = 0; b <= last; ++b) {
      const int i = batch[static_cast<size_t>(b)];
      result_.units.push_back(order_[static_cast<size_t>(i)]);
      result_.added.push_back(i);
      state_[static_cast<size_t>(i)] = State::kAdded;
      blocks_.insert(input_.table.block(order_[static_cast<size_t>(i)].piece));
    }
    result_.tokens = fitting_cost;
    return true;
  }

  int NextToCut() {
    const int64_t left = input_.fitter.budget() - result_.tokens;
    for (size_t i = 0; i < order_.size(); ++i) {
      if (state_[i] == State::kAdded || state_[i] == State::kCutTried) continue;
      const int block = input_.table.block(order_[i].piece);
      const int64_t entry = blocks_.count(block) > 0 ? 0 : input_.tokens.BlockOverhead(block);
      const bool only_hope = result_.units.empty();
      if (!only_hope && left < entry + kMinCutTokens) continue;
      return static_cast<int>(i);
    }
    return -1;
  }

  absl::Status Cut(int index) {
    state_[static_cast<size_t>(index)] = State::kCutTried;
    const Unit& unit = order_[static_cast<size_t>(index)];
    const std::string_view text = input_.table.text(unit.piece);
    const auto with = [&](int64_t end) {
      std::vector<Unit> units = result_.units;
      units.push_back({unit.piece, {unit.range.begin, end}});
      return units;
    };
    const int64_t estimate = std::max<int64_t>(1, Estimate(index, blocks_));
    const int64_t left = input_.fitter.budget() - result_.tokens;
    const int64_t guess = std::min(unit.range.size(), unit.range.size() * left / estimate) - 1;
    PRECIS_ASSIGN_OR_RETURN(
        const int64_t last, LargestFitting(unit.range.size(), guess, [&](int64_t i) {
          return input_.fitter.Fits(with(FloorToWordEnd(text, unit.range.begin, unit.range.begin + i + 1)));
        }));
    if (last < 0) return absl::OkStatus();
    int64_t end = FloorToWordEnd(text, unit.range.begin, unit.range.begin + last + 1);
    if (end <= unit.range.begin) return absl::OkStatus();
    if (!result_.units.empty() && input_.tokens.Estimate({unit.piece, {unit.range.begin, end}}) < kMinCutTokens) {
      return absl::OkStatus();
    }
    PRECIS_ASSIGN_OR_RETURN(int64_t cost, input_.fitter.Cost(with(end)));
    // A clause reads better than a word, where it fills the budget too.
    const int64_t clause = FloorToClauseEnd(text, unit.range.begin, end);
    if (clause > unit.range.begin && clause < end) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t clause_cost, input_.fitter.Cost(with(clause)));
      if (clause_cost >= Enough() && clause_cost <= input_.fitter.budget()) {
        end = clause;
        cost = clause_cost;
      }
    }
    if (cost > input_.fitter.budget()) return absl::OkStatus();
    result_.units = with(end);
    result_.tokens = cost;
    result_.cut = index;
    blocks_.insert(input_.table.block(unit.piece));
    return absl::OkStatus();
  }

  const MethodInput& input_;
  const std::vector<Unit>& order_;
  std::vector<State> state_;
  std::set<int> blocks_;  // that the context holds already
  FillResult result_;
};

}  // namespace

absl::StatusOr<FillResult> FillBudget(const MethodInput& input, const std::vector<Unit>& order, size_t sure) {
  return Filler(input, order).Run(sure);
}

}  // namespace precis::compress
