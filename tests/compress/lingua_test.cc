// "lingua" over a scorer whose surprisals are known (its common promises are in properties_test).
#include <gtest/gtest.h>

#include "checks.h"
#include "fakes.h"

namespace precis::compress {
namespace {

class LinguaTest : public testing::Test {
 protected:
  Request Make(std::vector<std::string> texts, int64_t budget, std::map<std::string, std::string> parameters = {}) {
    Request request;
    for (auto& text : texts) request.passages.push_back({.text = std::move(text)});
    request.steps = {{"lingua", std::move(parameters)}};
    request.budget.tokenizer = &words_;
    request.budget.max_tokens = budget;
    return request;
  }
  Context Run(const Request& request) {
    const auto context = compressor_->Compress(request, {});
    EXPECT_TRUE(context.ok()) << context.status();
    if (!context.ok()) return {};
    EXPECT_EQ(BrokenPromise(request, *context), "");
    EXPECT_TRUE(context->receipt.fallbacks.empty());
    return *context;
  }

  WordTokenizer words_;
  std::shared_ptr<FakeScorer> scorer_ = std::make_shared<FakeScorer>();
  std::unique_ptr<Compressor> compressor_ = Compressor::Make({.scorer = scorer_});
};

TEST_F(LinguaTest, WordsThatWereToBeExpectedGo) {
  const Context context = Run(Make({"red green blue red green blue red green blue gold"}, 7));
  EXPECT_EQ(context.text, "[1] red green blue gold");
  EXPECT_EQ(scorer_->calls, 1);
}

TEST_F(LinguaTest, WhatAnEarlierPassageSaidIsExpectedInALaterOne) {
  std::string metals;
  for (int i = 0; i < 30; ++i) metals += absl::StrCat(i == 0 ? "" : " ", "metal", i);
  const Context context = Run(Make({metals, metals + " tin"}, 40, {{"min_keep", "0"}}));
  EXPECT_EQ(context.text.rfind("[1] " + metals + "\n\n[2] ", 0), 0u) << context.text;
  EXPECT_NE(context.text.find(" tin"), std::string::npos) << context.text;
}

TEST_F(LinguaTest, TheShiftedMaskJudgesATokenByTheNextOneAndKeepsTheLast) {
  // Surprising: only the first three words. Shifted by one: the two before the second and third, and the last.
  const std::string text = "red green blue red red red red red red red";
  EXPECT_EQ(Run(Make({text}, 6)).text, "[1] red green blue");
  EXPECT_EQ(Run(Make({text}, 6, {{"mask", "shifted"}})).text, "[1] red green red");
}

TEST_F(LinguaTest, WithAQueryTheWordsThatItExplainsAreKept) {
  Request request = Make({"amber basalt copper dolomite emerald feldspar garnet"}, 5);
  request.query = "emerald or feldspar";
  EXPECT_EQ(Run(request).text, "[1] emerald feldspar");
  EXPECT_EQ(scorer_->calls, 2);
  request.steps[0].parameters["contrast"] = "off";
  EXPECT_EQ(Run(request).text.find("emerald feldspar"), std::string::npos);
  request.steps[0].parameters["contrast"] = "on";
  request.query = " ";
  const auto refused = compressor_->Compress(request, {});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LinguaTest, PassagesAreLetInByTheQueryWhereAskedFor) {
  std::vector<std::string> texts;
  for (int i = 0; i < 6; ++i) {
    std::string text;
    for (int w = 0; w < 20; ++w) text += absl::StrCat("p", i, "w", w, " ");
    texts.push_back(text + (i == 4 ? "emerald feldspar" : "basalt copper"));
  }
  Request request = Make(texts, 24, {{"min_keep", "0.8"}});
  request.query = "emerald or feldspar";
  EXPECT_NE(Run(request).text.find("p0w"), std::string::npos);
  request.steps[0].parameters["passages"] = "question";
  const auto segments = std::make_shared<FakeSegmentScorer>();
  compressor_ = Compressor::Make({.scorer = scorer_, .segment_scorer = segments});
  const std::string text = Run(request).text;
  EXPECT_NE(text.find("p4w"), std::string::npos) << text;
  EXPECT_EQ(text.find("p0w"), std::string::npos) << text;
  EXPECT_EQ(segments->last_segments.size(), 6u);
  EXPECT_EQ(segments->last_options.scoring, engine::SegmentScoring::kQuestionLikelihood);
  request.query = "";
  EXPECT_EQ(compressor_->Compress(request, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LinguaTest, WordsStayWholeWhateverTheirTokensAreWorth) {
  // "extraordinarily" is two tokens of the fake; both or none are kept.
  const Context context = Run(Make({"some extraordinarily fine and extraordinarily long text about nothing"}, 10));
  for (const Span& span : context.spans) {
    if (!span.verbatim()) continue;
    const std::string& text = "some extraordinarily fine and extraordinarily long text about nothing";
    EXPECT_TRUE(span.source.begin == 0 || text[static_cast<size_t>(span.source.begin) - 1] == ' ');
    EXPECT_TRUE(span.source.end == static_cast<int64_t>(text.size()) ||
                text[static_cast<size_t>(span.source.end)] == ' ');
  }
}

TEST_F(LinguaTest, ALongTextIsScoredInWindowsAndAModelWithAShortOneToo) {
  TextMaker maker(3);
  std::string text;
  while (text.size() < 40'000) text += maker.Sentence() + " ";
  const Context context = Run(Make({text}, 800));
  EXPECT_GT(scorer_->calls, 5);
  EXPECT_GE(context.receipt.tokens_out, 780);
  scorer_->window = 40;
  scorer_->calls = 0;
  EXPECT_GE(Run(Make({text}, 800)).receipt.tokens_out, 780);
  EXPECT_GT(scorer_->calls, 100);
}

TEST_F(LinguaTest, EveryTokenIsScoredOnce) {
  TextMaker maker(4);
  std::string text;
  while (text.size() < 30'000) text += maker.Word() + (maker.Below(9) == 0 ? ". " : " ");
  Run(Make({text}, 500));
  EXPECT_NEAR(static_cast<double>(scorer_->scored), static_cast<double>(*words_.CountTokens(text)), 20);
}

TEST_F(LinguaTest, AScorerThatFailsIsReplacedAndNamedOrEndsTheCall) {
  scorer_->fail_with = absl::UnavailableError("the generator is down");
  Request request = Make({"One sentence of words. Another sentence of other words, longer."}, 12);
  request.query = "words";
  const auto context = compressor_->Compress(request, {});
  ASSERT_TRUE(context.ok()) << context.status();
  ASSERT_EQ(context->receipt.fallbacks.size(), 1u);
  EXPECT_EQ(context->receipt.fallbacks[0].to, "extractive");
  request.fallback_policy = FallbackPolicy::kFail;
  EXPECT_EQ(compressor_->Compress(request, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(LinguaTest, CancelledInTheMiddle) {
  TextMaker maker(3);
  const CallContext call = CallContext::Make();
  scorer_->on_call = [&] {
    if (scorer_->calls == 3) call.Cancel();
  };
  const auto context = compressor_->Compress(Make({maker.Text(2000)}, 300), call);
  EXPECT_EQ(context.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(scorer_->calls, 3);
}

}  // namespace
}  // namespace precis::compress
