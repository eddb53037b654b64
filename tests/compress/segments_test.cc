// "infini" and "xl3m" over a scorer whose judgement is known (their common promises are in properties_test and
// bad_input_test).
#include <gtest/gtest.h>

#include "checks.h"
#include "fakes.h"

namespace precis::compress {
namespace {

class SegmentsTest : public testing::Test {
 protected:
  Request Make(const std::string& method, std::vector<std::string> texts, int64_t budget,
               std::map<std::string, std::string> parameters = {}) {
    Request request;
    for (auto& text : texts) request.passages.push_back({.text = std::move(text)});
    request.query = "who built the mill";
    request.steps = {{method, std::move(parameters)}};
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
  std::shared_ptr<FakeSegmentScorer> scorer_ = std::make_shared<FakeSegmentScorer>();
  std::unique_ptr<Compressor> compressor_ =
      Compressor::Make({.scorer = std::make_shared<FakeScorer>(), .segment_scorer = scorer_});
};

const char* const kMill =
    "It rained for days. Ada Pell built the mill. Nobody came. Later the mill burned.\n\nSheep were sold.";

TEST_F(SegmentsTest, InfiniKeepsTheBestSentencesInTheirOrder) {
  const Context context = Run(Make("infini", {kMill}, 16));
  EXPECT_EQ(context.text, "[1] Ada Pell built the mill. Later the mill burned.");
  EXPECT_EQ(context.receipt.sentences_kept, 2);
}

TEST_F(SegmentsTest, TheModelReadsTheTextAsItIsWritten) {
  Run(Make("infini", {kMill, "A second passage with words. And more of them here."}, 20));
  std::string read;
  for (const std::string& segment : scorer_->last_segments) read += segment;
  EXPECT_EQ(read, std::string(kMill) + "\n\nA second passage with words. And more of them here.\n\n");
}

TEST_F(SegmentsTest, ParametersReachTheModel) {
  Run(Make("infini", {kMill}, 16,
           {{"window_tokens", "128"}, {"top_tokens", "7"}, {"phrase_tokens", "3"}, {"layer", "-2"}}));
  EXPECT_EQ(scorer_->last_options.scoring, engine::SegmentScoring::kAttention);
  EXPECT_EQ(scorer_->last_options.window_tokens, 128);
  EXPECT_EQ(scorer_->last_options.top_tokens, 7);
  EXPECT_EQ(scorer_->last_options.phrase_tokens, 3);
  EXPECT_EQ(scorer_->last_options.layer, -2);
  Run(Make("xl3m", {kMill}, 16, {{"entropy_tokens", "0"}}));
  EXPECT_EQ(scorer_->last_options.scoring, engine::SegmentScoring::kEntropy);
  EXPECT_EQ(scorer_->last_options.entropy_tokens, 0);
}

TEST_F(SegmentsTest, Xl3mKeepsRunsOfSentencesAndReadsALittleBefore) {
  std::string text;
  for (int i = 0; i < 12; ++i) {
    const std::string letter(1, static_cast<char>('a' + i));  // repeated sentences would be left out
    text += i == 7 ? "Room 4711 is here with 99 seats. " : "Nothing much is told by line" + letter + " here. ";
    text += "End" + letter + " comes so and says no more than that. ";
  }
  const Context context = Run(Make("xl3m", {text}, 40, {{"segment_tokens", "20"}, {"overlap", "0.5"}}));
  EXPECT_NE(context.text.find("Room 4711 is here with 99 seats."), std::string::npos) << context.text;
  ASSERT_GT(scorer_->last_segments.size(), 3u);
  // Each segment's text begins inside the one before.
  for (size_t i = 1; i < scorer_->last_segments.size(); ++i) {
    const std::string begin = scorer_->last_segments[i].substr(0, 10);
    EXPECT_NE(scorer_->last_segments[i - 1].find(begin), std::string::npos) << i;
  }
}

TEST_F(SegmentsTest, OfTooManySentencesThoseWithTheBestKeywordsAreRead) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += absl::StrCat("Sentence number ", i, " speaks of other things. ");
  text += "Ada Pell built the mill.";
  const Context context = Run(Make("infini", {text}, 12, {{"max_sentences", "3"}}));
  EXPECT_EQ(scorer_->last_segments.size(), 3u);
  EXPECT_NE(context.text.find("Ada Pell built the mill."), std::string::npos) << context.text;
  EXPECT_FALSE(context.receipt.warnings.empty());
}

TEST_F(SegmentsTest, WithoutAQueryOrAModelAGentlerMethodRunsOrTheCallFails) {
  for (const char* method : {"infini", "xl3m"}) {
    scorer_->fail_with = absl::UnavailableError("the generator is down");
    Request request = Make(method, {kMill}, 16);
    auto context = compressor_->Compress(request, {});
    ASSERT_TRUE(context.ok()) << context.status();
    ASSERT_EQ(context->receipt.fallbacks.size(), 1u);
    EXPECT_EQ(context->receipt.fallbacks[0].to, "extractive");
    EXPECT_NE(context->receipt.fallbacks[0].reason.find("the generator is down"), std::string::npos);
    request.fallback_policy = FallbackPolicy::kFail;
    EXPECT_EQ(compressor_->Compress(request, {}).status().code(), absl::StatusCode::kFailedPrecondition);
    scorer_->fail_with = absl::OkStatus();
    request = Make(method, {kMill}, 16);
    request.query = " ";
    context = compressor_->Compress(request, {});
    ASSERT_TRUE(context.ok()) << context.status();
    EXPECT_EQ(context->receipt.fallbacks.size(), 1u);
  }
}

TEST_F(SegmentsTest, CancelledWhileTheModelReads) {
  for (const char* method : {"infini", "xl3m"}) {
    const CallContext call = CallContext::Make();
    scorer_->on_call = [&] { call.Cancel(); };
    EXPECT_EQ(compressor_->Compress(Make(method, {kMill}, 16), call).status().code(), absl::StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace precis::compress
