#include "auto_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace precis::compress {
namespace {

// Tokens that the default encoder surely takes a second on two cores with AVX2: a guess on the safe side.
constexpr double kEncoderTokensPerSecond = 2000;
// Of the time left this part may go into embedding; the rest is for the answer.
constexpr double kEmbedShare = 0.5;
constexpr double kSentenceTokens = 32;
constexpr int64_t kLeastSentences = 8;
// Below this a context holds a sentence or two: dropping words lets in another one.
constexpr int64_t kFewTokens = 64;
// Above the budget by no more than this, words that carry nothing are enough to drop.
constexpr double kSlightExcess = 1.25;

}  // namespace

AutoPlan PlanAuto(const AutoInput& input) {
  AutoPlan plan;
  const bool encoder = input.resources.embedder != nullptr;
  if (input.tokens_in <= input.budget) {
    plan.steps = {{"none", {}}};
    plan.reason = absl::StrCat("none: all ", input.tokens_in, " tokens fit the budget of ", input.budget);
    return plan;
  }
  const std::string excess = absl::StrCat(input.tokens_in, " tokens exceed the budget of ", input.budget);
  if (!input.has_query && !encoder) {
    const bool slight = static_cast<double>(input.tokens_in) <= kSlightExcess * static_cast<double>(input.budget);
    plan.steps = {{slight ? "lexical" : "truncate", {}}};
    plan.reason = absl::StrCat(plan.steps[0].method, ": ", excess,
                               slight ? " by little, so that words that carry nothing are enough to drop"
                                      : ", and neither a query nor an encoder tells what matters");
    return plan;
  }
  Step extractive = {"extractive", {}};
  plan.reason = absl::StrCat("extractive: ", excess, ", and ",
                             !input.has_query ? "an encoder tells which sentences stand for the rest"
                             : encoder        ? "a query and an encoder tell which sentences matter"
                                              : "a query tells by its words which sentences matter");
  const double seconds = absl::ToDoubleSeconds(input.left) * kEmbedShare;
  if (encoder && static_cast<double>(input.tokens_in) / kEncoderTokensPerSecond > seconds) {
    // Powers of two, so that about equal deadlines give equal contexts.
    int64_t sentences = kLeastSentences;
    while (static_cast<double>(2 * sentences) * kSentenceTokens / kEncoderTokensPerSecond <= seconds &&
           sentences < 8192)
      sentences *= 2;
    if (sentences < 1024) {
      extractive.parameters["max_sentences"] = absl::StrCat(sentences);
      plan.hurried = true;
      absl::StrAppend(&plan.reason, "; the deadline leaves time to embed some ", sentences, " of them");
    }
  }
  plan.steps = {std::move(extractive)};
  if (input.budget < kFewTokens) {
    plan.steps.push_back({"lexical", {}});
    absl::StrAppend(&plan.reason, "; then lexical, since so few tokens hold more sentences without their stop words");
  }
  return plan;
}

}  // namespace precis::compress
