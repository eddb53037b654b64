// What is foretold from the text itself.
#include "runtime/prompt_lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace precis::engine {
namespace {

PromptLookup Of(const std::vector<TokenId>& ids) {
  PromptLookup lookup(static_cast<int64_t>(ids.size()) + 100);
  for (const TokenId id : ids) lookup.Add(id);
  return lookup;
}

TEST(PromptLookup, FollowsTheLongestMatchAndOfEqualOnesTheLatest) {
  const auto lookup = Of({1, 2, 3, 4, 50, 9, 2, 3, 4, 60, 9, 8, 3, 4, 70, 1, 2, 3, 4});
  const auto match = lookup.Find();
  EXPECT_EQ(match.length, 4);
  EXPECT_EQ(lookup.Foretold(match, 0), 50);
  EXPECT_EQ(lookup.Foretold(match, 1), 9);
  const auto latest = Of({7, 8, 1, 7, 8, 2, 7, 8});
  EXPECT_EQ(latest.Foretold(latest.Find(), 0), 2);
}

TEST(PromptLookup, FindsNothingInNewText) {
  EXPECT_EQ(Of({}).Find().length, 0);
  EXPECT_EQ(Of({1}).Find().length, 0);
  EXPECT_EQ(Of({1, 1}).Find().length, 0);
  EXPECT_EQ(Of({1, 2, 3, 4, 5, 1}).Find().length, 0);  // one token is no match
}

TEST(PromptLookup, WhatRepeatsGoesOnRepeating) {
  const auto lookup = Of({9, 1, 2, 3, 1, 2, 3});
  const auto match = lookup.Find();
  EXPECT_EQ(match.length, 3);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(lookup.Foretold(match, i), 1 + i % 3);
}

TEST(PromptLookup, AgreesWithASlowSearch) {
  std::mt19937 random(7);
  for (const int vocabulary : {2, 4, 30}) {
    std::vector<TokenId> ids;
    PromptLookup lookup(600);
    for (int n = 0; n < 600; ++n) {
      ids.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(vocabulary)));
      lookup.Add(ids.back());
      int64_t longest = 0;
      // The places that are looked at are bounded: only texts with few of them are compared.
      int places = 0;
      for (int64_t end = n - 1; end >= 1; --end) {
        if (ids[static_cast<size_t>(end)] != ids.back() || ids[static_cast<size_t>(end) - 1] != ids[ids.size() - 2]) {
          continue;
        }
        ++places;
        int64_t same = 0;
        while (same <= end && same < PromptLookup::kLongest &&
               ids[static_cast<size_t>(end - same)] == ids[static_cast<size_t>(n - same)]) {
          ++same;
        }
        longest = std::max(longest, same);
      }
      const auto match = lookup.Find();
      if (places <= 16) {
        EXPECT_EQ(match.length, longest) << n;
      } else {
        EXPECT_LE(match.length, longest);
        EXPECT_GE(match.length, 2);
      }
      for (int64_t i = 0; i < match.length; ++i) {
        EXPECT_EQ(ids[static_cast<size_t>(match.next - 1 - i)], ids[static_cast<size_t>(n - i)]);
      }
    }
  }
}

}  // namespace
}  // namespace precis::engine
