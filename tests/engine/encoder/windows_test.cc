#include "runtime/windows.h"

#include <numeric>

#include "gtest/gtest.h"

namespace precis::engine {
namespace {

std::vector<TokenId> Count(int n, int from = 100) {
  std::vector<TokenId> ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), from);
  return ids;
}

const WindowFrame kFrame{.max_tokens = 10, .cls = 1, .sep = 2, .prefix = {}};

TEST(Windows, WhatFitsIsOneWindowUnderEveryPolicy) {
  for (const LongInput policy : {LongInput::kError, LongInput::kTruncate, LongInput::kSplitAndPool}) {
    for (const int n : {0, 1, 8}) {
      const auto w = MakeWindows(Count(n), kFrame, policy, 0);
      ASSERT_TRUE(w.ok());
      ASSERT_EQ(w->windows.size(), 1u);
      EXPECT_EQ(w->windows[0].size(), static_cast<size_t>(n + 2));
      EXPECT_EQ(w->windows[0].front(), 1);
      EXPECT_EQ(w->windows[0].back(), 2);
      EXPECT_EQ(w->tokens_total, n + 2);
      EXPECT_EQ(w->tokens_used, n + 2);
      EXPECT_FALSE(w->truncated);
    }
  }
}

TEST(Windows, TooLongIsAnErrorWithIndexAndBothNumbers) {
  const auto w = MakeWindows(Count(9), kFrame, LongInput::kError, 7);
  ASSERT_EQ(w.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(w.status().message().find("text 7 has 11 tokens, the model takes 10"), absl::string_view::npos)
      << w.status();
}

TEST(Windows, TruncationKeepsTheFirstTokensAndSaysSo) {
  const auto w = MakeWindows(Count(20), kFrame, LongInput::kTruncate, 0);
  ASSERT_TRUE(w.ok());
  EXPECT_EQ(w->windows[0], (std::vector<TokenId>{1, 100, 101, 102, 103, 104, 105, 106, 107, 2}));
  EXPECT_EQ(w->tokens_total, 22);
  EXPECT_EQ(w->tokens_used, 10);
  EXPECT_TRUE(w->truncated);
}

TEST(Windows, ASplitCoversEveryTokenOnceInNearlyEqualWindows) {
  for (int n = 9; n < 60; ++n) {
    const auto w = MakeWindows(Count(n), kFrame, LongInput::kSplitAndPool, 0);
    ASSERT_TRUE(w.ok());
    EXPECT_EQ(w->windows.size(), static_cast<size_t>((n + 7) / 8));
    std::vector<TokenId> joined;
    size_t least = 100, most = 0;
    for (size_t i = 0; i < w->windows.size(); ++i) {
      const auto& window = w->windows[i];
      EXPECT_LE(window.size(), 10u);
      EXPECT_EQ(w->weights[i], static_cast<int64_t>(window.size()) - 2);
      joined.insert(joined.end(), window.begin() + 1, window.end() - 1);
      least = std::min(least, window.size());
      most = std::max(most, window.size());
    }
    EXPECT_EQ(joined, Count(n));
    EXPECT_LE(most - least, 1u);
    EXPECT_EQ(w->tokens_used, n + 2);
    EXPECT_FALSE(w->truncated);
  }
}

TEST(Windows, EveryWindowOfASplitBeginsWithThePrefix) {
  const WindowFrame frame{.max_tokens = 10, .cls = 1, .sep = 2, .prefix = {50, 51}};
  std::vector<TokenId> tokens = {50, 51};
  const std::vector<TokenId> body = Count(25);
  tokens.insert(tokens.end(), body.begin(), body.end());
  const auto w = MakeWindows(tokens, frame, LongInput::kSplitAndPool, 0);
  ASSERT_TRUE(w.ok());
  std::vector<TokenId> joined;
  for (const auto& window : w->windows) {
    ASSERT_LE(window.size(), 10u);
    EXPECT_EQ(window[1], 50);
    EXPECT_EQ(window[2], 51);
    joined.insert(joined.end(), window.begin() + 3, window.end() - 1);
  }
  EXPECT_EQ(joined, body);
  EXPECT_EQ(w->tokens_total, 29);
}

}  // namespace
}  // namespace precis::engine
