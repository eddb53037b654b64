// Real models against golden/reference_decoder.py.
#include <gtest/gtest.h>

#include <cmath>

#include "models/decoder.h"
#include "real_models.h"

namespace precis::engine {
namespace {

// Where two logits of the reference are closer than this, either may win.
constexpr double kNearTie = 1e-3;

class Parity : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    path_ = FindModel(GetParam());
    if (path_.empty()) GTEST_SKIP() << "model '" << GetParam() << "' is not there";
    golden_ = ReadGolden(GetParam());
  }

  std::unique_ptr<Decoder> Load(bool exact) {
    auto file = GgufFile::Open(path_);
    EXPECT_TRUE(file.ok()) << file.status();
    auto decoder = Decoder::Load(*file, exact, cpu::BestIsaLevel(), false, cpu::ThreadPool::Shared(0));
    EXPECT_TRUE(decoder.ok()) << decoder.status();
    return *std::move(decoder);
  }

  std::string path_;
  nlohmann::json golden_;
};

// All prompts run together, so that this also shows that a batch changes nothing.
TEST_P(Parity, GreedyTokensAreThoseOfTheReference) {
  auto decoder = Load(/*exact=*/true);
  KvCache cache(decoder->kv_layout(), int64_t{1} << 30);
  struct Text {
    std::vector<TokenId> prompt, expected;
    std::vector<float> margins;
    std::unique_ptr<KvSequence> sequence;
    std::vector<TokenId> feed;
    size_t done = 0;
  };
  std::vector<Text> texts;
  for (const auto& g : golden_["greedy"]) {
    Text t{g["ids"], g["tokens"], g["margins"]};
    t.sequence = cache.Admit("", t.prompt, static_cast<int64_t>(t.prompt.size() + t.expected.size()), 0);
    ASSERT_NE(t.sequence, nullptr);
    t.feed = t.prompt;
    texts.push_back(std::move(t));
  }
  ASSERT_GE(texts.size(), 4u);
  while (true) {
    std::vector<DecoderChunk> chunks;
    std::vector<Text*> owners;
    for (Text& t : texts) {
      if (t.done == t.expected.size()) continue;
      chunks.push_back({t.sequence.get(), t.feed, 1});
      owners.push_back(&t);
    }
    if (chunks.empty()) break;
    const int64_t rows = decoder->Forward(chunks, &cache);
    const auto logits = decoder->Logits(0, rows);
    const size_t width = logits.size() / static_cast<size_t>(rows);
    for (size_t i = 0; i < owners.size(); ++i) {
      Text& t = *owners[i];
      const auto row = logits.subspan(i * width, width);
      const TokenId best = static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
      const TokenId expected = t.expected[t.done];
      if (best != expected) {
        EXPECT_LT(t.margins[t.done], kNearTie)
            << "prompt " << i << " step " << t.done << ": " << best << " not " << expected;
        EXPECT_LT(row[static_cast<size_t>(best)] - row[static_cast<size_t>(expected)], kNearTie);
        t.done = t.expected.size();  // from here on two different texts
        continue;
      }
      ++t.done;
      t.feed = {expected};
    }
  }
}

TEST_P(Parity, LogProbabilitiesAreThoseOfTheReference) {
  auto decoder = Load(/*exact=*/true);
  for (const auto& g : golden_["scores"]) {
    const std::vector<TokenId> ids = g["ids"];
    const std::vector<double> expected = g["logprobs"];
    KvCache cache(decoder->kv_layout(), int64_t{1} << 30);
    auto sequence = cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
    const DecoderChunk chunk{sequence.get(), ids, static_cast<int64_t>(ids.size())};
    decoder->Forward({&chunk, 1}, &cache);
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto row = decoder->Logits(static_cast<int64_t>(i), 1);
      const double total = decoder->kernels().log_sum_exp(row.data(), static_cast<int64_t>(row.size()));
      ASSERT_NEAR(row[static_cast<size_t>(ids[i + 1])] - total, expected[i], 2e-3) << "token " << i;
    }
  }
}

// The distance of the default mode, over the texts of the golden file. tests/bench/decoder_distance measures it over
// 10,000 positions.
TEST_P(Parity, FastModeStaysNearExact) {
  auto exact = Load(true), fast = Load(false);
  double divergence = 0, exact_loss = 0, fast_loss = 0;
  int64_t positions = 0, agree = 0;
  for (const auto& g : golden_["scores"]) {
    const std::vector<TokenId> ids = g["ids"];
    KvCache exact_cache(exact->kv_layout(), int64_t{1} << 30), fast_cache(fast->kv_layout(), int64_t{1} << 30);
    auto a = exact_cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
    auto b = fast_cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
    const int64_t n = static_cast<int64_t>(ids.size());
    const DecoderChunk ca{a.get(), ids, n}, cb{b.get(), ids, n};
    exact->Forward({&ca, 1}, &exact_cache);
    fast->Forward({&cb, 1}, &fast_cache);
    for (int64_t i = 0; i + 1 < n; ++i) {
      const auto p = exact->Logits(i, 1), q = fast->Logits(i, 1);
      const double zp = exact->kernels().log_sum_exp(p.data(), static_cast<int64_t>(p.size()));
      const double zq = fast->kernels().log_sum_exp(q.data(), static_cast<int64_t>(q.size()));
      for (size_t v = 0; v < p.size(); ++v) {
        const double lp = p[v] - zp;
        if (lp > -30) divergence += std::exp(lp) * (lp - (q[v] - zq));
      }
      agree += std::max_element(p.begin(), p.end()) - p.begin() == std::max_element(q.begin(), q.end()) - q.begin();
      exact_loss -= p[static_cast<size_t>(ids[static_cast<size_t>(i) + 1])] - zp;
      fast_loss -= q[static_cast<size_t>(ids[static_cast<size_t>(i) + 1])] - zq;
      ++positions;
    }
  }
  const double count = static_cast<double>(positions);
  RecordProperty("mean_kl", std::to_string(divergence / count));
  RecordProperty("top1", std::to_string(static_cast<double>(agree) / count));
  std::printf("%s: mean KL %.2e, top-1 %.4f, perplexity ratio %.5f over %d positions\n", GetParam(), divergence / count,
              static_cast<double>(agree) / count, std::exp((fast_loss - exact_loss) / count),
              static_cast<int>(positions));
  EXPECT_LE(divergence / count, 2e-3);
  EXPECT_GE(static_cast<double>(agree) / count, 0.96);
  EXPECT_NEAR(std::exp((fast_loss - exact_loss) / count), 1, 0.02);
}

INSTANTIATE_TEST_SUITE_P(Models, Parity,
                         ::testing::Values("smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "gemma-3-270m"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace precis::engine
