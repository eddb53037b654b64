// "tcra_semantic" with the real all-MiniLM-L6-v2 in fp32 against the plain form of the paper in double precision
// (golden/make_tcra_golden.py).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "checks.h"
#include "methods/tcra_semantic.h"
#include "nlohmann/json.hpp"
#include "precis/base/file.h"
#include "precis/engine/load.h"
#include "source_file.h"

namespace precis::compress {
namespace {

// fp32 sums of a six-layer model against double ones; measured 4e-6.
constexpr double kTolerance = 5e-5;
constexpr const char* kPercentiles[] = {"30", "50", "70"};

std::string ModelFolder() {
  const char* models = std::getenv("PRECIS_TEST_MODELS");
  if (models != nullptr && *models != '\0') return std::string(models) + "/all-minilm-l6-v2";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.local/share/precis/models/all-minilm-l6-v2";
}

class TcraParityTest : public testing::Test {
 protected:
  void SetUp() override {
    auto embedder = engine::LoadEmbedder(ModelFolder(), {});
    if (!embedder.ok()) GTEST_SKIP() << "model all-minilm-l6-v2 is not there: " << embedder.status();
    embedder_ = *std::move(embedder);
    const auto text = ReadFile(SourceFile("tests/compress/golden/tcra_golden.json"), 1 << 20);
    ASSERT_TRUE(text.ok()) << text.status();
    golden_ = nlohmann::json::parse(*text);
  }

  static std::vector<ByteRange> Words(const std::string& text) {
    std::vector<ByteRange> words;
    for (size_t i = 0; i < text.size();) {
      const size_t end = std::min(text.find(' ', i), text.size());
      words.push_back({static_cast<int64_t>(i), static_cast<int64_t>(end)});
      i = end + 1;
    }
    return words;
  }

  std::shared_ptr<engine::Embedder> embedder_;
  nlohmann::json golden_;
};

TEST_F(TcraParityTest, DistancesAreThoseOfTheReference) {
  std::vector<std::string> texts;
  std::vector<WeighedText> weighed;
  for (const auto& entry : golden_) texts.push_back(entry["text"]);
  for (const std::string& text : texts) weighed.push_back({text, Words(text)});
  const auto distances = LeaveOneOutDistances(weighed, 32 << 20, *embedder_, {}, {});
  ASSERT_TRUE(distances.ok()) << distances.status();
  double worst = 0;
  for (size_t t = 0; t < texts.size(); ++t) {
    ASSERT_EQ((*distances)[t].size(), golden_[t]["distances"].size());
    for (size_t i = 0; i < (*distances)[t].size(); ++i) {
      worst = std::max(worst, std::abs((*distances)[t][i] - golden_[t]["distances"][i].get<double>()));
    }
  }
  EXPECT_LT(worst, kTolerance);
  RecordProperty("worst_distance_error", std::to_string(worst));
}

TEST_F(TcraParityTest, TheSameWordsAreKept) {
  const auto compressor = Compressor::Make({.embedder = embedder_});
  int decided = 0, close = 0;
  size_t text_index = 0;
  for (const auto& entry : golden_) {
    const std::string text = entry["text"];
    const std::vector<ByteRange> words = Words(text);
    // One of its percentiles for each text: each costs a forward pass for every word.
    const std::string percentile = kPercentiles[text_index++ % std::size(kPercentiles)];
    {
      const auto& kept = entry["kept"][percentile];
      Request request;
      request.passages.push_back({.text = text});
      request.steps = {{"tcra_semantic", {{"scope", "window"}, {"percentile", percentile}}}};
      request.budget.tokenizer = &embedder_->tokenizer();
      request.budget.max_tokens = *embedder_->tokenizer().CountTokens(text) - 1;
      request.format.citation_style = CitationStyle::kNone;
      const auto context = compressor->Compress(request, {});
      ASSERT_TRUE(context.ok()) << context.status();
      EXPECT_EQ(BrokenPromise(request, *context), "");
      EXPECT_TRUE(context->receipt.fallbacks.empty());
      std::vector<bool> expected(words.size(), false), actual(words.size(), false);
      for (const int i : kept["words"]) expected[static_cast<size_t>(i)] = true;
      for (const Span& span : context->spans) {
        if (!span.verbatim()) continue;
        for (size_t i = 0; i < words.size(); ++i) actual[i] = actual[i] || span.source.Contains(words[i]);
      }
      for (size_t i = 0; i < words.size(); ++i) {
        // Where the reference itself decides by less than the tolerance, either is right.
        const double margin = std::abs(entry["distances"][i].get<double>() - kept["threshold"].get<double>());
        ++(margin > kTolerance ? decided : close);
        if (margin > kTolerance) {
          EXPECT_EQ(actual[i], expected[i]) << percentile << ": " << Slice(text, words[i]);
        }
      }
    }
  }
  EXPECT_GT(decided, 300);
  EXPECT_LT(close, decided / 50);
}

}  // namespace
}  // namespace precis::compress
