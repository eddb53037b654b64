// What "auto" picks and why, and how a chain passes its budget along.
#include "auto_plan.h"

#include <gtest/gtest.h>

#include "checks.h"
#include "fakes.h"

namespace precis::compress {
namespace {

class AutoPlanTest : public testing::Test {
 protected:
  static std::string Names(const AutoPlan& plan) {
    std::string names;
    for (const Step& step : plan.steps) names += (names.empty() ? "" : " | ") + step.method;
    return names;
  }

  const Resources nothing_;
  const Resources encoder_ = {.embedder = std::make_shared<FakeEmbedder>()};
};

TEST_F(AutoPlanTest, PicksByWhatIsThereToJudgeWith) {
  EXPECT_EQ(Names(PlanAuto({100, 100, true, absl::InfiniteDuration(), encoder_})), "none");
  EXPECT_EQ(Names(PlanAuto({101, 100, true, absl::InfiniteDuration(), encoder_})), "extractive");
  EXPECT_EQ(Names(PlanAuto({900, 100, true, absl::InfiniteDuration(), nothing_})), "extractive");
  EXPECT_EQ(Names(PlanAuto({900, 100, false, absl::InfiniteDuration(), encoder_})), "extractive");
  EXPECT_EQ(Names(PlanAuto({900, 100, false, absl::InfiniteDuration(), nothing_})), "truncate");
  EXPECT_EQ(Names(PlanAuto({120, 100, false, absl::InfiniteDuration(), nothing_})), "lexical");
  EXPECT_EQ(Names(PlanAuto({900, 40, true, absl::InfiniteDuration(), encoder_})), "extractive | lexical");
}

TEST_F(AutoPlanTest, TheReasonNamesTheNumbers) {
  const AutoPlan plan = PlanAuto({900, 40, true, absl::InfiniteDuration(), encoder_});
  EXPECT_NE(plan.reason.find("900 tokens exceed the budget of 40"), std::string::npos) << plan.reason;
  EXPECT_NE(plan.reason.find("then lexical"), std::string::npos) << plan.reason;
  EXPECT_FALSE(plan.hurried);
}

TEST_F(AutoPlanTest, AShortDeadlineLimitsWhatIsEmbedded) {
  const AutoPlan hurried = PlanAuto({20'000, 500, true, absl::Seconds(1), encoder_});
  EXPECT_TRUE(hurried.hurried);
  EXPECT_EQ(Names(hurried), "extractive");
  EXPECT_EQ(hurried.steps[0].parameters.at("max_sentences"), "16");
  EXPECT_NE(hurried.reason.find("the deadline"), std::string::npos);
  EXPECT_EQ(PlanAuto({20'000, 500, true, absl::Seconds(0.9), encoder_}).steps[0].parameters.at("max_sentences"), "16");
  EXPECT_EQ(PlanAuto({20'000, 500, true, absl::Seconds(-3), encoder_}).steps[0].parameters.at("max_sentences"), "8");
  EXPECT_FALSE(PlanAuto({20'000, 500, true, absl::Seconds(60), encoder_}).hurried);
  EXPECT_FALSE(PlanAuto({20'000, 500, true, absl::Seconds(1), nothing_}).hurried);
}

TEST_F(AutoPlanTest, AHurriedContextIsNotKeptForCallsWithMoreTime) {
  std::string folder = testing::TempDir() + "/auto-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  auto cache = cache::TaggedCache::Open({.path = folder, .min_free_bytes = 0});
  ASSERT_TRUE(cache.ok()) << cache.status();
  auto compressor = Compressor::Make({.embedder = encoder_.embedder, .cache = *std::move(cache)});
  TextMaker maker(3);
  WordTokenizer words;
  Request request;
  for (int i = 0; i < 40; ++i) request.passages.push_back({.text = maker.Text(50)});
  request.query = maker.Sentence();
  request.budget.tokenizer = &words;
  request.budget.max_tokens = 300;
  const CallContext soon = CallContext::Make(absl::Now() + absl::Seconds(8));
  const auto hurried = compressor->Compress(request, soon);
  ASSERT_TRUE(hurried.ok()) << hurried.status();
  ASSERT_NE(hurried->receipt.plan.find("the deadline"), std::string::npos) << hurried->receipt.plan;
  EXPECT_EQ(compressor->Compress(request, {})->receipt.cache, CacheOutcome::kMiss);
  EXPECT_EQ(compressor->Compress(request, {})->receipt.cache, CacheOutcome::kHit);
}

class ChainBudgetTest : public testing::Test {
 protected:
  ChainBudgetTest() {
    TextMaker maker(21);
    request_.passages = maker.Passages(12, 20);
    request_.query = maker.Sentence();
    request_.budget.tokenizer = &words_;
    request_.budget.max_tokens = 100;
  }
  Request request_;
  WordTokenizer words_;
  std::unique_ptr<Compressor> compressor_ =
      Compressor::Make({.embedder = std::make_shared<FakeEmbedder>(), .scorer = std::make_shared<FakeScorer>()});
};

TEST_F(ChainBudgetTest, EachStepHasTwiceTheBudgetOfTheNext) {
  request_.steps = {{"crag", {}}, {"extractive", {}}, {"lingua", {}}};
  const auto context = compressor_->Compress(request_, {});
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(BrokenPromise(request_, *context), "");
  const auto& steps = context->receipt.steps;
  ASSERT_EQ(steps.size(), 3u);
  const int64_t budgets[] = {400, 200, 100};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_LE(steps[i].tokens_out, budgets[i]);
    EXPECT_GE(steps[i].tokens_out, budgets[i] * 9 / 10) << steps[i].method;
    if (i > 0) {
      EXPECT_EQ(steps[i].tokens_in, steps[i - 1].tokens_out);
    }
  }
  EXPECT_EQ(steps[2].method, "lingua");
}

TEST_F(ChainBudgetTest, ARatioBelowOneIsRefusedAndTheLastStepsIsItsOwn) {
  request_.steps = {{"extractive", {{"budget_ratio", "0.5"}}}, {"lexical", {}}};
  EXPECT_EQ(compressor_->Compress(request_, {}).status().code(), absl::StatusCode::kInvalidArgument);
  request_.steps = {{"extractive", {{"budget_ratio", "3"}}}, {"lexical", {{"budget_ratio", "1"}}}};
  EXPECT_LE(compressor_->Compress(request_, {})->receipt.steps[0].tokens_out, 300);
  request_.steps = {{"extractive", {{"budget_ratio", "2"}}}};
  EXPECT_EQ(compressor_->Compress(request_, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ChainBudgetTest, AutoMayBeAChainOfItsOwnAndAStepOfAnother) {
  request_.budget.max_tokens = 40;
  request_.steps = {};
  const auto context = compressor_->Compress(request_, {});
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(BrokenPromise(request_, *context), "");
  ASSERT_EQ(context->receipt.steps.size(), 2u);
  EXPECT_EQ(context->receipt.steps[0].method, "extractive");
  EXPECT_LE(context->receipt.steps[0].tokens_out, 80);
  EXPECT_EQ(context->receipt.steps[1].method, "lexical");
  EXPECT_TRUE(context->receipt.fidelity.has_value());
  request_.steps = {{"auto", {}}, {"truncate", {}}};
  const auto chain = compressor_->Compress(request_, {});
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_EQ(BrokenPromise(request_, *chain), "");
  EXPECT_EQ(chain->receipt.steps.back().method, "truncate");
}

}  // namespace
}  // namespace precis::compress
