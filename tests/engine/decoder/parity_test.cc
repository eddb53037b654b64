// Real models against golden/reference_decoder.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "models/decoder.h"
#include "real_models.h"

namespace precis::engine {
namespace {

// Where two logits of the reference are closer than this, either may win.
constexpr double kNearTie = 1e-3;

// Prompts and tokens of the greedy comparison, unless PRECIS_PARITY_FULL is set: then all of the golden file, 20
// prompts of 64 tokens (a minute).
constexpr size_t kPrompts = 5, kTokens = 16;
constexpr int64_t kLogitRows = 16;  // as many as are read in one pass over the output's weights

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

  void CompareGreedy(Decoder* decoder);
  void CompareScores(Decoder* exact, Decoder* fast);

  std::string path_;
  nlohmann::json golden_;
};

// All prompts run together, so that this also shows that a batch changes nothing.
void Parity::CompareGreedy(Decoder* decoder) {
  const bool full = std::getenv("PRECIS_PARITY_FULL") != nullptr;
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
    if (!full && texts.size() == kPrompts) break;
    Text t{g["ids"], g["tokens"], g["margins"]};
    if (!full) t.expected.resize(std::min(t.expected.size(), kTokens));
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

// The log-probabilities of `exact` are the reference's, and the default mode is near it. tests/bench/decoder_distance
// measures that distance over 10,000 positions.
void Parity::CompareScores(Decoder* exact, Decoder* fast) {
  double divergence = 0, exact_loss = 0, fast_loss = 0;
  int64_t positions = 0, agree = 0;
  for (const auto& g : golden_["scores"]) {
    const std::vector<TokenId> ids = g["ids"];
    const std::vector<double> expected = g["logprobs"];
    KvCache exact_cache(exact->kv_layout(), int64_t{1} << 30), fast_cache(fast->kv_layout(), int64_t{1} << 30);
    auto a = exact_cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
    auto b = fast_cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
    const int64_t n = static_cast<int64_t>(ids.size());
    const DecoderChunk ca{a.get(), ids, n}, cb{b.get(), ids, n};
    exact->Forward({&ca, 1}, &exact_cache);
    fast->Forward({&cb, 1}, &fast_cache);
    std::span<const float> exact_rows, fast_rows;
    for (int64_t i = 0; i + 1 < n; ++i) {
      if (i % kLogitRows == 0) {
        exact_rows = exact->Logits(i, std::min(kLogitRows, n - i));
        fast_rows = fast->Logits(i, std::min(kLogitRows, n - i));
      }
      const size_t width = static_cast<size_t>(exact->config().vocabulary);
      const auto p = exact_rows.subspan(static_cast<size_t>(i % kLogitRows) * width, width);
      const auto q = fast_rows.subspan(static_cast<size_t>(i % kLogitRows) * width, width);
      const double zp = exact->kernels().log_sum_exp(p.data(), static_cast<int64_t>(p.size()));
      const double zq = fast->kernels().log_sum_exp(q.data(), static_cast<int64_t>(q.size()));
      const size_t next = static_cast<size_t>(ids[static_cast<size_t>(i) + 1]);
      if (static_cast<size_t>(i) < expected.size()) {
        ASSERT_NEAR(p[next] - zp, expected[static_cast<size_t>(i)], 2e-3) << "token " << i;
      }
      for (size_t v = 0; v < p.size(); ++v) {
        const double lp = p[v] - zp;
        if (lp > -30) divergence += std::exp(lp) * (lp - (q[v] - zq));
      }
      agree += std::max_element(p.begin(), p.end()) - p.begin() == std::max_element(q.begin(), q.end()) - q.begin();
      exact_loss -= p[next] - zp;
      fast_loss -= q[next] - zq;
      ++positions;
    }
  }
  const double count = static_cast<double>(positions);
  std::printf("%s: mean KL %.2e, top-1 %.4f, perplexity ratio %.5f over %d positions\n", GetParam(), divergence / count,
              static_cast<double>(agree) / count, std::exp((fast_loss - exact_loss) / count),
              static_cast<int>(positions));
  EXPECT_LE(divergence / count, 2e-3);
  EXPECT_GE(static_cast<double>(agree) / count, 0.96);
  EXPECT_NEAR(std::exp((fast_loss - exact_loss) / count), 1, 0.02);
}

// One test a model, since loading it as floats takes longer than to compare.
TEST_P(Parity, GreedyTokensAndLogProbabilitiesAreThoseOfTheReferenceAndFastModeStaysNear) {
  auto exact = Load(/*exact=*/true);
  CompareGreedy(exact.get());
  auto fast = Load(/*exact=*/false);
  CompareScores(exact.get(), fast.get());
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
