// What holds for every method, tokenizer and input.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "checks.h"
#include "fakes.h"
#include "protect.h"

namespace precis::compress {
namespace {

class PropertiesTest : public testing::Test {
 protected:
  // A request that only its seed decides.
  Request RandomRequest(uint32_t seed) {
    TextMaker maker(seed);
    Request request;
    request.passages = maker.Passages(1 + maker.Below(6), 1 + maker.Below(12));
    if (maker.Below(3) != 0) request.query = maker.Sentence();
    request.steps = {{methods_[static_cast<size_t>(maker.Below(static_cast<int>(methods_.size())))], {}}};
    if (maker.Below(5) == 0) request.steps.insert(request.steps.begin(), {"extractive", {{"budget_ratio", "2"}}});
    if (maker.Below(8) == 0) request.steps.insert(request.steps.begin(), {"crag", {}});
    request.budget.tokenizer = maker.Below(2) == 0 ? static_cast<engine::Tokenizer*>(&words_) : &nasty_;
    request.budget.max_tokens = maker.Below(4) == 0 ? 1 + maker.Below(20) : 20 + maker.Below(300);
    if (maker.Below(2) == 0) {
      request.budget.before = "Answer from the context" + std::string(static_cast<size_t>(maker.Below(3)), 'x');
      request.budget.after = maker.Word() + "\nQuestion:";
    }
    request.protection.numbers = maker.Below(4) == 0;
    request.protection.negations = maker.Below(4) == 0;
    request.protection.identifiers = maker.Below(6) == 0;
    request.protection.quotations = maker.Below(4) == 0;
    if (maker.Below(6) == 0) request.protection.literals = {"a", "\u6570\u636e"};
    ContextFormat& format = request.format;
    if (maker.Below(4) == 0) format.citation_style = CitationStyle::kNone;
    if (maker.Below(3) == 0) format.passage_separator = " | ";
    if (maker.Below(3) == 0) format.omission_mark = maker.Below(2) == 0 ? "" : " ... ";
    format.include_source_line = maker.Below(3) == 0;
    if (maker.Below(2) == 0) format.reserved = {"</context>"};
    return request;
  }

  WordTokenizer words_;
  NastyTokenizer nasty_;
  std::shared_ptr<FakeEmbedder> embedder_ = std::make_shared<FakeEmbedder>();
  std::unique_ptr<Compressor> with_encoder_ =
      Compressor::Make({.embedder = embedder_,
                        .generator = std::make_shared<FakeGenerator>(),
                        .scorer = std::make_shared<FakeScorer>(),
                        .segment_scorer = std::make_shared<FakeSegmentScorer>()});
  std::unique_ptr<Compressor> without_encoder_ = Compressor::Make({});
  const std::vector<std::string> methods_ = Names(*with_encoder_);

 private:
  static std::vector<std::string> Names(const Compressor& compressor) {
    std::vector<std::string> names;
    for (const MethodInfo& method : compressor.ListMethods()) names.push_back(method.name);
    return names;
  }
};

TEST_F(PropertiesTest, ThousandsOfRandomRequestsKeepEveryPromise) {
  int answered = 0, refused = 0;
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    const Request request = RandomRequest(seed);
    auto& compressor = seed % 3 == 0 ? without_encoder_ : with_encoder_;
    const auto context = compressor->Compress(request, {});
    if (!context.ok()) {
      // The only way out is a budget that cannot hold what must be in.
      ASSERT_EQ(context.status().code(), absl::StatusCode::kFailedPrecondition) << seed << ": " << context.status();
      EXPECT_NE(context.status().message().find("token"), std::string::npos) << context.status();
      ++refused;
      continue;
    }
    ++answered;
    ASSERT_EQ(BrokenPromise(request, *context), "") << "seed " << seed << "\n" << context->text;
    ASSERT_FALSE(context->text.empty()) << "seed " << seed;
    const auto again = compressor->Compress(request, {});
    ASSERT_TRUE(again.ok());
    ASSERT_EQ(again->text, context->text) << "seed " << seed;
  }
  EXPECT_GT(answered, 1800);
  EXPECT_GT(refused, 50);
}

TEST_F(PropertiesTest, TheBudgetThatTheRefusalNamesIsEnoughAndOneLessIsNot) {
  int refused = 0;
  for (uint32_t seed = 0; seed < 400; ++seed) {
    Request request = RandomRequest(seed);
    request.steps = {{"extractive", {}}};
    request.protection.numbers = request.protection.negations = true;
    request.budget.max_tokens = 2;
    const auto context = with_encoder_->Compress(request, {});
    if (context.ok() || context.status().message().find("protected spans need ") == std::string::npos) continue;
    ++refused;
    const std::string message(context.status().message());
    const size_t at = message.find("need ") + 5;
    int64_t need;
    ASSERT_TRUE(absl::SimpleAtoi(message.substr(at, message.find(' ', at) - at), &need)) << message;
    request.budget.max_tokens = need;
    const auto enough = with_encoder_->Compress(request, {});
    ASSERT_TRUE(enough.ok()) << "seed " << seed << ": " << enough.status();
    EXPECT_EQ(BrokenPromise(request, *enough), "");
    request.budget.max_tokens = need - 1;
    // Unless all of it has fewer tokens than a part, which tokenizers can do.
    const auto less = with_encoder_->Compress(request, {});
    if (less.ok()) {
      EXPECT_LE(less->receipt.tokens_in, need - 1) << "seed " << seed;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST_F(PropertiesTest, TheBudgetIsFilled) {
  for (const char* method : {"extractive", "truncate", "lexical", "tcra_semantic", "lingua", "infini", "xl3m"}) {
    for (engine::Tokenizer* tokenizer :
         {static_cast<engine::Tokenizer*>(&words_), static_cast<engine::Tokenizer*>(&nasty_)}) {
      std::vector<double> fills;
      for (uint32_t seed = 0; seed < 200; ++seed) {
        TextMaker maker(seed);
        Request request;
        request.passages = maker.Passages(8, 20);
        request.query = maker.Sentence();
        request.steps = {{method, {}}};
        request.budget.tokenizer = tokenizer;
        request.budget.max_tokens = 40 + maker.Below(400);
        const auto context = with_encoder_->Compress(request, {});
        ASSERT_TRUE(context.ok()) << context.status();
        if (context->receipt.tokens_in < 2 * request.budget.max_tokens) continue;
        fills.push_back(static_cast<double>(context->receipt.tokens_out) /
                        static_cast<double>(request.budget.max_tokens));
      }
      ASSERT_GT(fills.size(), 50u);
      std::sort(fills.begin(), fills.end());
      EXPECT_GE(fills[fills.size() / 2], 0.95) << method << " " << tokenizer->fingerprint();
      EXPECT_GE(fills[fills.size() / 20], 0.90) << method << " " << tokenizer->fingerprint();
      RecordProperty(std::string(method) + "_" + tokenizer->fingerprint(), std::to_string(fills[fills.size() / 2]));
    }
  }
}

TEST_F(PropertiesTest, FewTokenizerCallsAreEnough) {
  TextMaker maker(1);
  Request request;
  request.passages = maker.Passages(50, 20);
  request.query = maker.Sentence();
  request.steps = {{"extractive", {}}};
  request.budget.tokenizer = &nasty_;
  request.budget.max_tokens = 500;
  ASSERT_TRUE(with_encoder_->Compress(request, {}).ok());
  EXPECT_LE(nasty_.calls, 40);
}

TEST_F(PropertiesTest, TenThousandPassagesOfEveryKindFinish) {
  TextMaker maker(7);
  Request request;
  request.passages = maker.Passages(10000, 6);
  for (size_t i = 0; i < request.passages.size(); i += 10)
    request.passages[i].text = i % 20 == 0 ? "" : request.passages[1].text;
  request.query = maker.Sentence();
  request.budget.tokenizer = &words_;
  request.budget.max_tokens = 1000;
  for (const char* method : {"extractive", "truncate", "none"}) {
    request.steps = {{method, {}}};
    for (auto* compressor : {with_encoder_.get(), without_encoder_.get()}) {
      if (compressor == with_encoder_.get() && std::string(method) != "extractive") continue;
      const absl::Time start = absl::Now();
      const auto context = compressor->Compress(request, {});
      ASSERT_TRUE(context.ok()) << context.status();
      EXPECT_EQ(BrokenPromise(request, *context), "");
      EXPECT_LT(absl::Now() - start, absl::Seconds(8));
    }
  }
}

}  // namespace
}  // namespace precis::compress
