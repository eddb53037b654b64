#include "methods/truncate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "boundaries.h"

namespace precis::compress {
namespace {

class Truncate final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "truncate";
    info.description = "Keeps the first tokens of the passages in their order, cut at the end of a word.";
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    const PieceTable& table = input.table;
    // Where each piece begins when all are put end to end.
    std::vector<int64_t> begins(static_cast<size_t>(table.size()) + 1, 0);
    for (int i = 0; i < table.size(); ++i) {
      begins[static_cast<size_t>(i) + 1] = begins[static_cast<size_t>(i)] + static_cast<int64_t>(table.text(i).size());
    }
    const auto prefix = [&](int64_t bytes) {
      std::vector<Unit> units = input.required;
      for (int i = 0; i < table.size() && begins[static_cast<size_t>(i)] < bytes; ++i) {
        const int64_t begin = begins[static_cast<size_t>(i)];
        const auto size = static_cast<int64_t>(table.text(i).size());
        const int64_t end = bytes - begin >= size ? size : FloorToWordEnd(table.text(i), 0, bytes - begin);
        units.push_back({i, {0, end}});
      }
      return units;
    };
    // Guess: where the estimates reach the budget.
    int64_t guess = 0, sum = 0;
    for (int i = 0; i < table.size(); ++i) {
      const Unit whole = {i, {0, static_cast<int64_t>(table.text(i).size())}};
      if (i == 0 || table.block(i) != table.block(i - 1)) sum += input.tokens.BlockOverhead(table.block(i));
      const int64_t cost = input.tokens.Estimate(whole);
      if (sum + cost > input.fitter.budget()) {
        const int64_t left = std::max<int64_t>(0, input.fitter.budget() - sum);
        guess = begins[static_cast<size_t>(i)] + whole.range.size() * left / std::max<int64_t>(cost, 1);
        break;
      }
      sum += cost;
      guess = begins[static_cast<size_t>(i) + 1];
    }
    // Byte i + 1 of the whole, so that the first candidate is not empty.
    PRECIS_ASSIGN_OR_RETURN(const int64_t last, LargestFitting(begins.back(), guess, [&](int64_t i) {
                              return input.fitter.Fits(prefix(i + 1));
                            }));
    Selection kept = Normalize(prefix(last + 1), table);
    if (kept.empty()) {
      // Not even the first word: how much does it need?
      int64_t end = 1;
      while (end < begins.back() && Normalize(prefix(end), table).empty()) ++end;
      PRECIS_ASSIGN_OR_RETURN(const int64_t need, input.fitter.Cost(prefix(end)));
      return absl::FailedPreconditionError(absl::StrCat("the first word of the context needs ", need,
                                                        " tokens with its mark, the budget is ", input.fitter.budget(),
                                                        ": raise the budget"));
    }
    input.notes.warnings.push_back(
        absl::StrCat("the passages were cut after ", last + 1, " of ", begins.back(), " bytes to fit the budget"));
    return Restrict(table, kept);
  }
};

}  // namespace

std::unique_ptr<Method> MakeTruncate() { return std::make_unique<Truncate>(); }

}  // namespace precis::compress
