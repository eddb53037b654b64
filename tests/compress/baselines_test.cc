// "none" and "truncate".
#include <gtest/gtest.h>

#include "checks.h"
#include "fakes.h"

namespace precis::compress {
namespace {

class BaselinesTest : public testing::Test {
 protected:
  Request Make(const std::string& method, std::vector<std::string> texts, int64_t budget) {
    Request request;
    for (auto& text : texts) request.passages.push_back({.text = std::move(text)});
    request.steps = {{method, {}}};
    request.budget.tokenizer = &words_;
    request.budget.max_tokens = budget;
    return request;
  }
  WordTokenizer words_;
  std::unique_ptr<Compressor> compressor_ = Compressor::Make({});
};

TEST_F(BaselinesTest, WithinTheBudgetAllIsKeptByteForByte) {
  for (const char* method : {"none", "truncate"}) {
    const Request request = Make(method, {" one two\n", "three"}, 100);
    const auto context = compressor_->Compress(request, {});
    ASSERT_TRUE(context.ok()) << context.status();
    EXPECT_EQ(context->text, "[1]  one two\n\n\n[2] three");
    EXPECT_EQ(BrokenPromise(request, *context), "");
    EXPECT_EQ(context->receipt.tokens_in, context->receipt.tokens_out);
    EXPECT_EQ(context->receipt.passages_kept, 2);
    EXPECT_TRUE(context->receipt.warnings.empty());
  }
}

TEST_F(BaselinesTest, NoneKeepsTheBestPassagesInTheirOrder) {
  Request request = Make("none", {"a b c d", "e f g h", "i j k l"}, 14);
  request.passages[0].score = 0.2;
  request.passages[1].score = 0.1;
  request.passages[2].score = 0.9;
  const auto context = compressor_->Compress(request, {});
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->text, "[1] a b c d\n\n[2] i j k l");
  EXPECT_EQ(context->spans.back().passage, 2);
  EXPECT_EQ(context->receipt.warnings.size(), 1u);
  EXPECT_EQ(context->receipt.passages_kept, 2);
  EXPECT_EQ(BrokenPromise(request, *context), "");
}

TEST_F(BaselinesTest, NoneWhoseBestPassageDoesNotFitIsCutAndSaysSo) {
  Request request = Make("none", {"a b c d e f g h"}, 7);
  const auto context = compressor_->Compress(request, {});
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->text, "[1] a b c d");
  ASSERT_EQ(context->receipt.fallbacks.size(), 1u);
  EXPECT_EQ(context->receipt.fallbacks[0].to, "truncate");
  request.fallback_policy = FallbackPolicy::kFail;
  EXPECT_EQ(compressor_->Compress(request, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(BaselinesTest, TruncateCutsAtTheEndOfAWord) {
  const Request request = Make("truncate", {"alpha beta gamma", "delta epsilon"}, 10);
  const auto context = compressor_->Compress(request, {});
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->text, "[1] alpha beta gamma\n\n[2] delta");
  EXPECT_EQ(BrokenPromise(request, *context), "");
  EXPECT_EQ(context->receipt.warnings.size(), 1u);
}

TEST_F(BaselinesTest, ABudgetTooSmallForOneWordSaysHowManyTokensItNeeds) {
  Request request = Make("truncate", {"alpha beta gamma"}, 1);
  const auto context = compressor_->Compress(request, {});
  EXPECT_EQ(context.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(context.status().message().find("needs 4 tokens"), std::string::npos) << context.status();
  request.budget.max_tokens = 4;
  EXPECT_EQ(compressor_->Compress(request, {})->text, "[1] alpha");
}

TEST_F(BaselinesTest, FiveMegabytesWithoutASpace) {
  NastyTokenizer nasty;
  for (const engine::Tokenizer* tokenizer :
       {static_cast<engine::Tokenizer*>(&words_), static_cast<engine::Tokenizer*>(&nasty)}) {
    std::string text;
    for (int i = 0; i < 5 << 20; ++i) text.push_back(static_cast<char>('a' + static_cast<int64_t>(i) * i % 26));
    Request request = Make("truncate", {text}, 1000);
    request.budget.tokenizer = tokenizer;
    const auto context = compressor_->Compress(request, {});
    ASSERT_TRUE(context.ok()) << context.status();
    EXPECT_EQ(BrokenPromise(request, *context), "");
    EXPECT_GE(context->receipt.tokens_out, 950);
  }
}

}  // namespace
}  // namespace precis::compress
