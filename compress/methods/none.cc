#include "methods/none.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace precis::compress {
namespace {

class None final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "none";
    info.description =
        "Keeps whole passages; above the budget those with the best scores until the next one does not fit.";
    info.gentler = "truncate";
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    const Draft& draft = input.table.draft();
    const auto blocks = static_cast<int64_t>(draft.blocks.size());
    // Best first; equal scores in the order of the request.
    std::vector<int> order(draft.blocks.size());
    std::iota(order.begin(), order.end(), 0);
    const auto score = [&](int block) {
      const int passage = draft.blocks[static_cast<size_t>(block)].passage;
      return passage < 0 ? 0.0 : input.request.passages[static_cast<size_t>(passage)].score;
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return score(a) > score(b); });

    std::vector<std::vector<Unit>> parts(draft.blocks.size());
    for (int i = 0; i < input.table.size(); ++i) {
      parts[static_cast<size_t>(input.table.block(i))].push_back(
          {i, {0, static_cast<int64_t>(input.table.text(i).size())}});
    }
    const auto prefix = [&](int64_t count) {
      std::vector<Unit> units = input.required;
      for (int64_t i = 0; i < count; ++i) {
        const auto& part = parts[static_cast<size_t>(order[static_cast<size_t>(i)])];
        units.insert(units.end(), part.begin(), part.end());
      }
      return units;
    };
    int64_t guess = 0, sum = 0;
    for (; guess < blocks; ++guess) {
      const int block = order[static_cast<size_t>(guess)];
      sum += input.tokens.BlockOverhead(block);
      for (const Unit& unit : parts[static_cast<size_t>(block)]) sum += input.tokens.Estimate(unit);
      if (sum > input.fitter.budget()) break;
    }
    PRECIS_ASSIGN_OR_RETURN(const int64_t last, LargestFitting(blocks, guess - 1, [&](int64_t i) {
                              return input.fitter.Fits(prefix(i + 1));
                            }));
    if (last < 0) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t need, input.fitter.Cost(prefix(1)));
      return absl::FailedPreconditionError(absl::StrCat("the best passage needs ", need,
                                                        " tokens as a whole, the budget is ", input.fitter.budget(),
                                                        ": raise the budget or let it be cut"));
    }
    if (last + 1 < blocks) {
      input.notes.warnings.push_back(
          absl::StrCat(blocks - last - 1, " of ", blocks, " passages do not fit the budget and were left out whole"));
    }
    return Restrict(input.table, Normalize(prefix(last + 1), input.table));
  }
};

}  // namespace

std::unique_ptr<Method> MakeNone() { return std::make_unique<None>(); }

}  // namespace precis::compress
