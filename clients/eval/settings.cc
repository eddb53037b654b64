#include "eval/settings.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace precis::eval {
namespace {

constexpr int64_t kMaxBudget = 262'144;  // the contract's

}  // namespace

int64_t Budget::For(int64_t full) const {
  if (tokens > 0) return tokens;
  return std::clamp<int64_t>(static_cast<int64_t>(std::floor(static_cast<double>(full) / factor)), 1, kMaxBudget);
}

absl::StatusOr<Budget> ParseBudget(const std::string& text) {
  Budget budget{text};
  if (absl::string_view digits = text; absl::ConsumeSuffix(&digits, "x")) {
    if (absl::SimpleAtod(digits, &budget.factor) && budget.factor > 1 && budget.factor <= 1000) return budget;
  } else if (absl::SimpleAtoi(text, &budget.tokens) && budget.tokens >= 1 && budget.tokens <= kMaxBudget) {
    budget.name = absl::StrCat(budget.tokens);
    return budget;
  }
  return absl::InvalidArgumentError(absl::StrCat("budget '", text, "' is neither tokens, 1 to ", kMaxBudget,
                                                 ", nor a cut of the full context such as 4x, above 1x to 1000x"));
}

bool IsOwnMethod(const std::string& method) {
  return HasNoBudget(method) || method == kWhole || method == kBm25Sentence || method == kBm25Fill || method == kRandom;
}

bool HasNoBudget(const std::string& method) { return method == kClosed || method == kNone; }

std::vector<std::string> StepNames(const std::string& method) {
  std::vector<std::string> names;
  for (absl::string_view step : absl::StrSplit(method, '|')) {
    names.emplace_back(absl::StripAsciiWhitespace(step.substr(0, step.find(':'))));
  }
  return names;
}

}  // namespace precis::eval
