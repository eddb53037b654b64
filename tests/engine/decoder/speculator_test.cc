// What drafts cost and gain, on a made-up machine: a row beside others takes a share of what it takes alone.
#include "runtime/speculator.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace precis::engine {
namespace {

struct Outcome {
  double speedup = 0;
  int64_t drafted = 0, right = 0;
};

// The last `answer` tokens of `text` are what the model says.
Outcome Simulate(Speculator* speculator, const std::vector<TokenId>& text, size_t answer, double share) {
  Outcome run;
  const auto cost = [share](int64_t rows) { return 1 + share * static_cast<double>(rows - 1); };
  const std::span<const TokenId> prompt(text.data(), text.size() - answer), rest(text.data() + prompt.size(), answer);
  const auto state = speculator->Begin("", prompt, static_cast<int64_t>(answer), {});
  double with = 0;
  size_t i = 0;
  state->Accept(rest[i++]);
  while (i < answer) {
    DraftState* const p = state.get();
    speculator->Propose({&p, 1});
    const std::vector<TokenId> drafts(state->drafts().begin(), state->drafts().end());
    EXPECT_LT(drafts.size(), answer - i);
    size_t right = 0;
    while (true) {
      state->Accept(rest[i++]);
      if (right == drafts.size() || drafts[right] != rest[i - 1]) break;
      ++right;
    }
    run.drafted += static_cast<int64_t>(drafts.size());
    run.right += static_cast<int64_t>(right);
    with += cost(1 + static_cast<int64_t>(drafts.size()));
    speculator->Measure(1 + static_cast<int64_t>(drafts.size()), cost(1 + static_cast<int64_t>(drafts.size())));
  }
  run.speedup = static_cast<double>(answer - 1) / with;
  return run;
}

SpeculationOptions Lookup() {
  SpeculationOptions options;
  options.lookup = true;
  options.vocabulary = 1000;
  return options;
}

// Pairs that were there before are frequent, and mostly go on in another way: with probability `likely` as the first
// time.
std::vector<TokenId> Text(size_t n, double likely, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> text = {1, 2};
  while (text.size() < n) {
    const unsigned habit = static_cast<unsigned>(text.back() * 31 + text[text.size() - 2] * 17) % 40;
    const bool as_always = random() % 1000 < likely * 1000;
    text.push_back(static_cast<TokenId>(as_always ? habit : random() % 40));
  }
  return text;
}

TEST(Speculator, TextsThatDoNotRepeatThemselvesAreHardlySlower) {
  for (const double share : {0.1, 0.3, 0.6, 0.9}) {
    Speculator speculator(Lookup());
    for (unsigned seed = 0; seed < 6; ++seed) {
      for (const double likely : {0.0, 0.1, 0.25}) {
        const Outcome run = Simulate(&speculator, Text(1200, likely, seed), 400, share);
        EXPECT_GT(run.speedup, 0.98) << share << " " << likely << " " << seed << " " << run.drafted;
      }
    }
  }
}

TEST(Speculator, TextsThatQuoteAreMuchFaster) {
  std::vector<TokenId> text = Text(600, 0, 5);
  const std::vector<TokenId> quoted(text.begin() + 100, text.begin() + 500);
  text.insert(text.end(), quoted.begin(), quoted.end());
  Speculator speculator(Lookup());
  const Outcome run = Simulate(&speculator, text, 398, 0.3);
  EXPECT_GT(run.speedup, 2);
  EXPECT_GT(run.right, 200);
}

TEST(Speculator, WhatWasLearntOfOneTextServesTheNext) {
  // At first nothing is known; after some texts whose habits hold, drafts are worth their rows.
  Speculator speculator(Lookup());
  for (unsigned seed = 0; seed < 8; ++seed) Simulate(&speculator, Text(1200, 0.95, seed), 600, 0.3);
  EXPECT_GT(Simulate(&speculator, Text(1200, 0.95, 99), 600, 0.3).speedup, 1.3);
}

TEST(Speculator, OffIsOff) {
  Speculator speculator({});
  EXPECT_FALSE(speculator.on());
  const std::vector<TokenId> text = Text(10, 0, 1);
  EXPECT_EQ(speculator.Begin("", text, 5, {}), nullptr);
}

}  // namespace
}  // namespace precis::engine
