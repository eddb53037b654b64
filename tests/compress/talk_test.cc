// "talk" over a scorer whose surprisals are known (its common promises are in properties_test).
#include <gtest/gtest.h>

#include "checks.h"
#include "fakes.h"

namespace precis::compress {
namespace {

class TalkTest : public testing::Test {
 protected:
  TalkTest() { UseScorer("fake-scorer-1"); }
  void UseScorer(const std::string& fingerprint) {
    Resources resources;
    resources.scorer = scorer_;
    resources.scorer_info.name = "fake-scorer";
    resources.scorer_info.fingerprint = fingerprint;
    resources.scorer_info.max_tokens = scorer_->window;
    compressor_ = Compressor::Make(resources);
  }
  Request Make(std::vector<std::string> turns, int64_t budget, std::map<std::string, std::string> parameters = {}) {
    Request request;
    for (size_t i = 0; i < turns.size(); ++i) {
      request.passages.push_back({.text = turns[i], .title = i % 2 == 0 ? "User" : "Assistant"});
    }
    request.steps = {{"talk", std::move(parameters)}};
    request.budget.tokenizer = &words_;
    request.budget.max_tokens = budget;
    request.format.citation_style = CitationStyle::kNone;
    request.format.include_source_line = true;
    request.format.passage_separator = "\n";
    return request;
  }
  Context Run(const Request& request) {
    const auto context = compressor_->Compress(request, {});
    EXPECT_TRUE(context.ok()) << context.status();
    if (!context.ok()) return {};
    EXPECT_EQ(BrokenPromise(request, *context), "");
    return *context;
  }
  static bool Says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

  WordTokenizer words_;
  std::shared_ptr<FakeScorer> scorer_ = std::make_shared<FakeScorer>();
  std::unique_ptr<Compressor> compressor_;
};

TEST_F(TalkTest, WhatWasSaidBeforeGoesAndWhatIsNewStays) {
  // The scorer expects every word that it has read before.
  const Context context = Run(Make({"Alpha beta gamma delta epsilon zeta.", "Alpha beta gamma delta epsilon zeta too.",
                                    "Marble quartz granite slate basalt flint.", "Marble quartz granite slate yes."},
                                   14, {{"decay", "1"}}));
  EXPECT_TRUE(Says(context.text, "Marble quartz granite slate basalt flint.")) << context.text;
  EXPECT_FALSE(Says(context.text, "Alpha beta gamma delta epsilon zeta too.")) << context.text;
  EXPECT_TRUE(Says(context.receipt.plan, "fake-scorer")) << context.receipt.plan;
}

TEST_F(TalkTest, RoundsFadeUnlessTheQueryNamesThem) {
  std::vector<std::string> turns = {"My dog, whom we found near the river one long rainy evening, is called Bismarck.",
                                    "What a good name for him."};
  for (int i = 0; i < 40; ++i) {
    turns.push_back(absl::StrCat("Tell me of thing", i, " and of part", i, "."));
    turns.push_back(absl::StrCat("Well, it", i, " does that", i, " at times."));
  }
  EXPECT_FALSE(Says(Run(Make(turns, 60)).text, "Bismarck"));
  EXPECT_TRUE(Says(Run(Make(turns, 60, {{"decay", "1"}})).text, "Bismarck"));
  Request request = Make(turns, 60);
  request.query = "What is my dog called?";
  EXPECT_TRUE(Says(Run(request).text, "Bismarck")) << Run(request).text;
  request.steps[0].parameters["relevance"] = "0";
  EXPECT_FALSE(Says(Run(request).text, "Bismarck")) << Run(request).text;
  // The newest round is there, and the roles are named.
  EXPECT_TRUE(Says(Run(Make(turns, 60)).text, "39")) << Run(Make(turns, 60)).text;
  EXPECT_TRUE(Says(Run(Make(turns, 60)).text, "User\n"));
}

TEST_F(TalkTest, ATalkThatGrowsIsScoredOnce) {
  UseScorer("fake-scorer-that-grows");
  std::vector<std::string> turns;
  for (int i = 0; i < 20; ++i) turns.push_back(absl::StrCat("This is turn number", i, " of a long talk", i, "."));
  const std::string first = Run(Make(turns, 50)).text;
  const int before = scorer_->calls;
  EXPECT_EQ(Run(Make(turns, 50)).text, first);
  EXPECT_EQ(scorer_->calls, before) << "all is remembered";
  turns.push_back("And one more.");
  turns.push_back("Indeed.");
  Run(Make(turns, 50));
  EXPECT_EQ(scorer_->calls, before + 2) << "only what is new is scored";
  UseScorer("another-model");
  Run(Make(turns, 50));
  EXPECT_EQ(scorer_->calls, 2 * before + 4) << "another model knows nothing";
}

TEST_F(TalkTest, WhatIsScoredIsBoundedAndTheRestIsFoundByWords) {
  UseScorer("fake-scorer-bounded");
  TextMaker maker(7);
  std::vector<std::string> turns = {"The password of the lighthouse is heliotrope.", "I will remember that."};
  for (int i = 0; i < 400; ++i) turns.push_back(maker.Text(3));
  Request request = Make(turns, 200);
  request.query = "Which password has the lighthouse?";
  const Context context = Run(request);
  EXPECT_LT(scorer_->scored, 3000);
  EXPECT_GT(scorer_->scored, 1500);
  EXPECT_TRUE(Says(context.text, "heliotrope")) << context.text;
  EXPECT_GE(context.receipt.tokens_out, 190);
}

TEST_F(TalkTest, WithoutAScorerRecencyDecidesAndTheReceiptSaysSo) {
  std::vector<std::string> turns;
  for (int i = 0; i < 30; ++i) turns.push_back(absl::StrCat("This is turn number", i, " of a long talk", i, "."));
  compressor_ = Compressor::Make({});
  Context context = Run(Make(turns, 60));
  EXPECT_TRUE(Says(context.text, "number29")) << context.text;
  EXPECT_FALSE(Says(context.text, "number0 ")) << context.text;
  ASSERT_EQ(context.receipt.warnings.size() > 0, true);
  EXPECT_TRUE(Says(context.receipt.warnings[0], "recency")) << context.receipt.warnings[0];

  UseScorer("fake-scorer-down");
  scorer_->fail_with = absl::UnavailableError("the generator is down");
  EXPECT_EQ(Run(Make(turns, 60)).text, context.text);
  Request strict = Make(turns, 60);
  strict.fallback_policy = FallbackPolicy::kFail;
  EXPECT_EQ(compressor_->Compress(strict, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(TalkTest, ATurnThatIsLongerThanTheModelIsScoredInParts) {
  scorer_->window = 512;
  UseScorer("fake-scorer-short");
  TextMaker maker(5);
  const Context context =
      Run(Make({maker.Text(300), std::string(20'000, 'x'), maker.Text(40), "Yes."}, 300, {{"max_scored", "100000"}}));
  EXPECT_TRUE(context.receipt.warnings.empty() || !Says(context.receipt.warnings[0], "recency"));
  EXPECT_GT(scorer_->calls, 20);
}

TEST_F(TalkTest, CancelledInTheMiddle) {
  UseScorer("fake-scorer-cancelled");
  TextMaker maker(3);
  std::vector<std::string> turns;
  for (int i = 0; i < 50; ++i) turns.push_back(maker.Text(4));
  const CallContext call = CallContext::Make();
  scorer_->on_call = [&] {
    if (scorer_->calls == 3) call.Cancel();
  };
  EXPECT_EQ(compressor_->Compress(Make(turns, 100), call).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(scorer_->calls, 3);
}

}  // namespace
}  // namespace precis::compress
