#include "runtime/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace precis::engine {
namespace {

// P = 0.5, 0.25, 0.125, 0.0625, 0.0625.
const std::vector<float> kLogits = {std::log(0.0625f), std::log(0.5f), std::log(0.25f), std::log(0.0625f),
                                    std::log(0.125f)};

std::map<TokenId, int> Draw(Sampling s, int n) {
  std::map<TokenId, int> counts;
  Sampler sampler(s);
  for (int i = 0; i < n; ++i) ++counts[sampler.Next(kLogits, i).value()];
  return counts;
}

TEST(Sampler, GreedyTakesTheBestAndTheLowerIdOfEquals) {
  Sampler sampler({});
  EXPECT_EQ(sampler.Next(kLogits, 0).value(), 1);
  EXPECT_EQ(sampler.Next(std::vector<float>{1, 7, 7, 3}, 0).value(), 1);
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(sampler.Next(std::vector<float>{-inf, -inf, -5}, 0).value(), 2);
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  const auto counts = Draw({.temperature = 1, .seed = 7}, 20000);
  EXPECT_NEAR(counts.at(1) / 20000.0, 0.5, 0.015);
  EXPECT_NEAR(counts.at(2) / 20000.0, 0.25, 0.015);
  EXPECT_NEAR(counts.at(0) / 20000.0, 0.0625, 0.01);
  const auto hot = Draw({.temperature = 10, .seed = 7}, 20000);
  EXPECT_NEAR(hot.at(1) / 20000.0, 0.2, 0.05);
}

TEST(Sampler, CutsKeepTheRightTokens) {
  EXPECT_EQ(Draw({.temperature = 1, .top_k = 2}, 2000).size(), 2u);
  EXPECT_EQ(Draw({.temperature = 1, .top_k = 1}, 100).size(), 1u);
  EXPECT_EQ(Draw({.temperature = 1, .top_p = 0.5f}, 2000).size(), 1u);
  EXPECT_EQ(Draw({.temperature = 1, .top_p = 0.51f}, 2000).size(), 2u);
  EXPECT_EQ(Draw({.temperature = 1, .top_p = 0.8f}, 2000).size(), 3u);
  EXPECT_EQ(Draw({.temperature = 1, .min_p = 0.3f}, 2000).size(), 2u);
  EXPECT_EQ(Draw({.temperature = 1, .top_k = 3, .top_p = 0.99f, .min_p = 0.3f}, 2000).size(), 2u);
  const auto cut = Draw({.temperature = 1, .top_k = 2}, 20000);
  EXPECT_NEAR(cut.at(1) / 20000.0, 2.0 / 3, 0.015);
}

TEST(Sampler, SameSeedSameTextAndOtherSeedAnotherOne) {
  const auto text = [](uint64_t seed) {
    std::vector<TokenId> out;
    Sampler sampler({.temperature = 1, .seed = seed});
    for (int i = 0; i < 50; ++i) out.push_back(sampler.Next(kLogits, i).value());
    return out;
  };
  EXPECT_EQ(text(1), text(1));
  EXPECT_NE(text(1), text(2));
  EXPECT_NE(text(0), text(1));
}

TEST(Sampler, NotANumberIsAnError) {
  std::vector<float> logits = kLogits;
  logits[4] = std::numeric_limits<float>::quiet_NaN();
  for (const float t : {0.0f, 1.0f}) {
    EXPECT_EQ(Sampler({.temperature = t}).Next(logits, 0).status().code(), absl::StatusCode::kInternal);
  }
}

TEST(Sampler, OptionsOutOfBoundsAreRefusedByName) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Sampling& s : {Sampling{.temperature = -1}, Sampling{.temperature = 11}, Sampling{.temperature = nan},
                            Sampling{.top_k = -1}, Sampling{.top_p = 0}, Sampling{.top_p = 1.5f},
                            Sampling{.top_p = nan}, Sampling{.min_p = 1}, Sampling{.min_p = -0.1f}}) {
    EXPECT_EQ(CheckSampling(s).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(CheckSampling({.temperature = 10, .top_k = 5, .top_p = 1, .min_p = 0.5f}).ok());
}

}  // namespace
}  // namespace precis::engine
