// What the methods that drop words keep: "lexical" and "tcra_semantic" (their common promises are in properties_test).
#include <gtest/gtest.h>

#include <algorithm>

#include "checks.h"
#include "fakes.h"
#include "methods/lexical.h"
#include "methods/tcra_semantic.h"
#include "precis/compress/citations.h"

namespace precis::compress {
namespace {

class WordMethodsTest : public testing::Test {
 protected:
  Request Make(const std::string& method, std::vector<std::string> texts, int64_t budget,
               std::map<std::string, std::string> parameters = {}) {
    Request request;
    for (auto& text : texts) request.passages.push_back({.text = std::move(text)});
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
    return *context;
  }
  static bool Has(const Context& context, const std::string& text) {
    return context.text.find(text) != std::string::npos;
  }

  WordTokenizer words_;
  std::shared_ptr<FakeEmbedder> embedder_ = std::make_shared<FakeEmbedder>();
  std::unique_ptr<Compressor> compressor_ = Compressor::Make({.embedder = embedder_});
};

TEST_F(WordMethodsTest, StopWordsGoFirstAndNegationsAndNumbersStay) {
  const Context context =
      Run(Make("lexical", {"The valve of the pump must not be opened above 40 degrees by any of the staff."}, 12));
  EXPECT_EQ(context.text, "[1] valve pump not opened above 40 degrees staff.");
  EXPECT_EQ(context.receipt.steps[0].method, "lexical");
  EXPECT_TRUE(context.receipt.fallbacks.empty());
}

TEST_F(WordMethodsTest, OfAlmostNothingANumberAndANegationAreLeft) {
  EXPECT_EQ(Run(Make("lexical", {"Valves of the northern pump must not be opened above 40 degrees."}, 5)).text,
            "[1] not 40");
}

TEST_F(WordMethodsTest, AWordThatIsProtectedInPartIsKeptWhole) {
  Request request = Make("lexical", {"Pumps with valves leak oil daily"}, 8);
  request.protection.literals = {"wit"};
  EXPECT_EQ(Run(request).text, "[1] Pumps with valves leak oil");
}

TEST_F(WordMethodsTest, WhatIsNoStopWord) {
  for (const char* word : {"the", "of", "was", "it's", "which"}) EXPECT_TRUE(IsStopWord(word)) << word;
  for (const char* word : {"not", "no", "never", "don't", "without", "if", "unless", "before", "pump", "", "cannot"}) {
    EXPECT_FALSE(IsStopWord(word)) << word;
  }
}

TEST_F(WordMethodsTest, WordsThatRecurGoBeforeWordsThatAreRare) {
  const Context context = Run(Make("lexical",
                                   {"Sensor alpha reported copper. Sensor bravo reported nickel. Sensor charlie "
                                    "reported cobalt. Sensor delta reported zinc."},
                                   13));
  for (const char* rare : {"alpha", "copper", "bravo", "nickel", "charlie", "cobalt", "delta", "zinc"}) {
    EXPECT_TRUE(Has(context, rare)) << rare << " in " << context.text;
  }
  EXPECT_EQ(context.text.find("Sensor"), context.text.rfind("Sensor")) << context.text;
}

TEST_F(WordMethodsTest, TheSentenceThatTheQueryAsksForLosesLeast) {
  const std::string text =
      "Granite bridges carry heavy trains over rivers. Copper kettles boil water rapidly in kitchens. Marble statues "
      "decorate quiet gardens during summer.";
  Request request = Make("lexical", {text}, 13);
  request.query = "which kettles boil water";
  const Context context = Run(request);
  EXPECT_TRUE(Has(context, "Copper kettles boil water rapidly")) << context.text;
  request.steps[0].parameters["query_weight"] = "0";
  EXPECT_FALSE(Has(Run(request), "Copper kettles boil water rapidly"));
}

TEST_F(WordMethodsTest, PassagesThatCannotHaveEnoughAreLeftOutWholeWorstFirst) {
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) {
    texts.push_back(absl::StrCat("Passage", i, "x speaks about topic", i, "y with plenty of distinct", i,
                                 "z words, so that much could be said about", i, "u it and kept", i, "v."));
  }
  Request request = Make("lexical", texts, 45);
  for (size_t i = 0; i < texts.size(); ++i) request.passages[i].score = static_cast<double>(i);
  const Context context = Run(request);
  EXPECT_EQ(context.receipt.passages_kept, 2);
  EXPECT_TRUE(context.receipt.passages[19].used);
  EXPECT_TRUE(context.receipt.passages[18].used);
  ASSERT_FALSE(context.receipt.warnings.empty());
  EXPECT_NE(context.receipt.warnings[0].find("18 of 20 passages"), std::string::npos) << context.receipt.warnings[0];
}

TEST_F(WordMethodsTest, FidelityIsMeasuredOnlyWhereOneIsAskedFor) {
  Request request = Make("lexical", {"The cat of the house sat on the mat of the hall and slept."}, 12);
  EXPECT_FALSE(Run(request).receipt.fidelity.has_value());
  request.min_fidelity = 0.01;
  EXPECT_TRUE(Run(request).receipt.fidelity.has_value());
}

TEST_F(WordMethodsTest, ASentenceOfWhichWordsWereDroppedStillSupportsAnAnswer) {
  const Request request = Make("lexical",
                               {"The reactor of the northern plant was shut down by the operators in March "
                                "because a coolant pump had failed. The staff of the plant was sent home."},
                               22);
  const Context context = Run(request);
  ASSERT_FALSE(Has(context, "reactor of the northern")) << context.text;
  const auto citations = CheckCitations("The reactor was shut down because a coolant pump failed. [1]", context,
                                        request.passages, nullptr, {});
  ASSERT_TRUE(citations.ok()) << citations.status();
  ASSERT_EQ(citations->size(), 1u);
  EXPECT_EQ((*citations)[0].support, SupportKind::kMarker);
  EXPECT_EQ((*citations)[0].passage, 0);
}

TEST_F(WordMethodsTest, PercentilesAreNumPys) {
  // numpy.percentile([3, 1, 2, 4], [0, 10, 25, 50, 90, 100])
  const std::vector<double> values = {3, 1, 2, 4};
  const std::vector<std::pair<double, double>> expected = {{0, 1},    {10, 1.3}, {25, 1.75},
                                                           {50, 2.5}, {90, 3.7}, {100, 4}};
  for (const auto& [j, value] : expected) EXPECT_NEAR(Percentile(values, j), value, 1e-12) << j;
  EXPECT_EQ(Percentile({7}, 33), 7);
}

// Distances by one call a text, as the definition has it.
std::vector<double> DistancesByDefinition(const std::string& text, const std::vector<ByteRange>& words,
                                          FakeEmbedder* embedder) {
  const auto embed = [&](const std::string& t) {
    const std::string_view view = t;
    return (*embedder->Embed({&view, 1}, {}, {}))[0].vector;
  };
  const auto whole = embed(text);
  std::vector<double> distances;
  for (const ByteRange& word : words) {
    std::string without = text;
    without.erase(static_cast<size_t>(word.begin), static_cast<size_t>(word.size()));
    const auto vector = embed(without);
    double sum = 0;
    for (size_t i = 0; i < whole.size(); ++i) sum += std::pow(static_cast<double>(whole[i]) - vector[i], 2);
    distances.push_back(std::sqrt(sum));
  }
  return distances;
}

TEST_F(WordMethodsTest, AllVariantsOfAllTextsGoInOneCall) {
  const std::string a = "red apples grow", b = "on old trees";
  const std::vector<WeighedText> texts = {{a, {{0, 3}, {4, 10}, {11, 15}}}, {b, {{0, 2}, {7, 12}}}};
  const auto together = LeaveOneOutDistances(texts, 1 << 20, *embedder_, {}, {});
  ASSERT_TRUE(together.ok());
  EXPECT_EQ(embedder_->calls, 1);
  EXPECT_EQ(embedder_->embedded, 7);
  EXPECT_TRUE(embedder_->last_tags.empty());
  for (size_t t = 0; t < 2; ++t) {
    const auto expected = DistancesByDefinition(std::string(texts[t].text), texts[t].words, embedder_.get());
    ASSERT_EQ((*together)[t].size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ((*together)[t][i], expected[i]);
  }
  embedder_->calls = 0;
  EXPECT_EQ(*LeaveOneOutDistances(texts, 1, *embedder_, {}, {}), *together);
  EXPECT_EQ(embedder_->calls, 2);
}

TEST_F(WordMethodsTest, AtAPercentileTheWordsAboveItAreKeptWhateverRoomIsLeft) {
  const std::string text = "alpha bravo charlie delta echo foxtrot golf hotel india juliet";
  std::vector<ByteRange> words;
  for (size_t at = 0; at < text.size();
       at = text.find(' ', at) == std::string::npos ? text.size() : text.find(' ', at) + 1) {
    words.push_back({static_cast<int64_t>(at), static_cast<int64_t>(std::min(text.find(' ', at), text.size()))});
  }
  const auto distances = DistancesByDefinition(text, words, embedder_.get());
  const double threshold = Percentile(distances, 60);
  std::string expected = "[1]";
  for (size_t i = 0; i < words.size(); ++i) {
    if (distances[i] > threshold) expected += " " + std::string(Slice(text, words[i]));
  }
  EXPECT_EQ(Run(Make("tcra_semantic", {text}, 12, {{"percentile", "60"}})).text, expected);
}

TEST_F(WordMethodsTest, ProtectedWordsAreNotWeighedAndStay) {
  Request request =
      Make("tcra_semantic", {"It weighs 5 kg and is not safe for people who walk under it each day."}, 14);
  request.protection.numbers = request.protection.negations = true;
  const Context context = Run(request);
  EXPECT_TRUE(Has(context, "5 kg")) << context.text;
  EXPECT_TRUE(Has(context, "not safe")) << context.text;
}

TEST_F(WordMethodsTest, WordsBeyondTheCapOnlyFillWhatIsLeft) {
  std::string text;
  for (int s = 0; s < 10; ++s) text += absl::StrCat("Word", s, "a word", s, "b word", s, "c word", s, "d. ");
  const Context context = Run(Make("tcra_semantic", {text}, 30, {{"max_words", "8"}}));
  EXPECT_EQ(embedder_->embedded >= 10 && embedder_->embedded < 60, true) << embedder_->embedded;
  EXPECT_TRUE(Has(context, "word0d") && Has(context, "word1d")) << context.text;
  EXPECT_GE(context.receipt.tokens_out, 28);
  EXPECT_NE(context.receipt.warnings[0].find("32 words beyond max_words"), std::string::npos);
}

TEST_F(WordMethodsTest, AnEncoderThatFailsIsReplacedAndNamedOrEndsTheCall) {
  embedder_->fail_with = absl::UnavailableError("the embedder is down");
  Request request = Make("tcra_semantic", {"One sentence of words. Another sentence of other words, longer."}, 12);
  const Context context = Run(request);
  ASSERT_EQ(context.receipt.fallbacks.size(), 1u);
  EXPECT_EQ(context.receipt.fallbacks[0].from, "tcra_semantic");
  EXPECT_EQ(context.receipt.fallbacks[0].to, "extractive");
  request.fallback_policy = FallbackPolicy::kFail;
  EXPECT_EQ(compressor_->Compress(request, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace precis::compress
