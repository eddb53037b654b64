// Pages, promises and reuse of the key-value cache.
#include "models/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tiny_model.h"

namespace precis::engine {
namespace {

constexpr KvLayout kLayout{.layers = 1, .kv_heads = 1, .head_dim = 16, .type = cpu::KvType::kF32};

std::vector<TokenId> Ids(int64_t n, TokenId from = 0) {
  std::vector<TokenId> ids;
  for (int64_t i = 0; i < n; ++i) ids.push_back(from + static_cast<TokenId>(i));
  return ids;
}

// A sequence whose tokens are computed, as far as they are not reused.
std::unique_ptr<KvSequence> Filled(KvCache* cache, const std::string& tenant, const std::vector<TokenId>& ids) {
  auto s = cache->Admit(tenant, ids, static_cast<int64_t>(ids.size()), static_cast<int64_t>(ids.size()) - 1);
  if (s == nullptr) return s;
  cache->Extend(s.get(), static_cast<int64_t>(ids.size()));
  cache->Commit(s.get(), std::span(ids).subspan(static_cast<size_t>(s->length())));
  return s;
}

TEST(KvCache, RoomIsPromisedForTheWholeSequence) {
  KvCache cache(kLayout, 4 * kLayout.page_bytes());
  EXPECT_EQ(cache.max_positions(), 256);
  auto a = cache.Admit("", {}, 130, 0);  // three pages
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(cache.Admit("", {}, 65, 0), nullptr);  // two, of which one is left
  auto b = cache.Admit("", {}, 64, 0);
  ASSERT_NE(b, nullptr);
  cache.Extend(a.get(), 130);
  cache.Extend(b.get(), 64);
  EXPECT_EQ(cache.allocated_bytes(), 4 * kLayout.page_bytes());
  a.reset();
  EXPECT_NE(cache.Admit("", {}, 192, 0), nullptr);
  EXPECT_EQ(cache.allocated_bytes(), 4 * kLayout.page_bytes());
}

TEST(KvCache, EqualBeginningsShareFullPages) {
  KvCache cache(kLayout, 16 * kLayout.page_bytes());
  const auto ids = Ids(200);
  auto a = Filled(&cache, "t", ids);
  EXPECT_EQ(a->reused(), 0);
  auto b = Filled(&cache, "t", ids);  // while the first still runs
  EXPECT_EQ(b->reused(), 192);
  EXPECT_EQ(a->pages()[2], b->pages()[2]);
  EXPECT_NE(a->pages()[3], b->pages()[3]);
  a.reset();
  b.reset();
  auto other = Ids(200);
  other[70] = 9999;
  EXPECT_EQ(Filled(&cache, "t", other)->reused(), 70);  // and after they have ended
}

TEST(KvCache, ReuseStopsWhereTheCallerSaysSo) {
  KvCache cache(kLayout, 16 * kLayout.page_bytes());
  Filled(&cache, "t", Ids(128));
  EXPECT_EQ(Filled(&cache, "t", Ids(128))->reused(), 127);  // its last token is computed, for the logits
  EXPECT_EQ(cache.Admit("t", Ids(128), 128, 0)->reused(), 0);
}

TEST(KvCache, TenantsDoNotSeeEachOther) {
  KvCache cache(kLayout, 16 * kLayout.page_bytes());
  Filled(&cache, "a", Ids(200));
  EXPECT_EQ(Filled(&cache, "b", Ids(200))->reused(), 0);
  EXPECT_EQ(Filled(&cache, "a", Ids(200))->reused(), 199);
}

TEST(KvCache, UnusedPagesGoLeastRecentlyUsedFirst) {
  KvCache cache(kLayout, 4 * kLayout.page_bytes());
  Filled(&cache, "", Ids(64, 1000));
  Filled(&cache, "", Ids(64, 2000));
  Filled(&cache, "", Ids(64, 3000));
  EXPECT_EQ(cache.idle_pages(), 3);
  auto with_end = Ids(65, 1000);
  EXPECT_EQ(Filled(&cache, "", with_end)->reused(), 64);  // touched: now the newest
  auto big = Filled(&cache, "", Ids(192, 5000));          // needs three of the four pages
  ASSERT_NE(big, nullptr);
  EXPECT_EQ(Filled(&cache, "", Ids(64, 2000))->reused(), 0);
  big.reset();
  EXPECT_LE(cache.allocated_bytes(), 4 * kLayout.page_bytes());
}

TEST(KvCache, BeginningOfAPageIsCopied) {
  KvCache cache(kLayout, 16 * kLayout.page_bytes());
  auto first = cache.Admit("t", Ids(100), 100, 99);
  cache.Extend(first.get(), 100);
  for (int i = 0; i < 2; ++i) std::memset(first->page(i), 'a' + i, static_cast<size_t>(kLayout.page_bytes()));
  cache.Commit(first.get(), Ids(100));
  const void* const its_last = first->pages()[1];
  first.reset();
  auto other = Ids(120);
  other[90] = 9999;
  auto second = cache.Admit("t", other, 120, 119);  // inside the page that was never full
  EXPECT_EQ(second->reused(), 90);
  EXPECT_NE(second->pages()[1], its_last);
  EXPECT_EQ(*static_cast<const char*>(second->pages()[1]), 'b');
  other[20] = 9999;
  EXPECT_EQ(cache.Admit("t", other, 120, 119)->reused(), 20);  // inside a full one
  EXPECT_EQ(cache.Admit("u", other, 120, 119)->reused(), 0);
  EXPECT_EQ(cache.Admit("t", Ids(100), 100, 70)->reused(), 70);
}

TEST(KvCache, NothingIsCopiedWhereThereIsNoRoomForBoth) {
  KvCache cache(kLayout, 2 * kLayout.page_bytes());
  Filled(&cache, "", Ids(64));
  Filled(&cache, "", Ids(60, 500));  // both pages are idle now
  auto other = Ids(128);
  other[30] = 9999;
  auto s = cache.Admit("", other, 128, 127);  // needs both
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->reused(), 0);
  cache.Extend(s.get(), 128);
  cache.Commit(s.get(), other);
  EXPECT_EQ(cache.allocated_bytes(), 2 * kLayout.page_bytes());
}

TEST(KvCache, EqualEndingsAreKeptOnce) {
  KvCache cache(kLayout, 16 * kLayout.page_bytes());
  for (int i = 0; i < 5; ++i) Filled(&cache, "", Ids(30));
  EXPECT_EQ(cache.idle_pages(), 1);
  Filled(&cache, "", Ids(40));
  EXPECT_EQ(cache.idle_pages(), 2);
}

TEST(KvCache, WhatIsTakenBackWasNeverThere) {
  KvCache cache(kLayout, 16 * kLayout.page_bytes());
  auto a = cache.Admit("", {}, 200, 0);
  const auto run = [&](const std::vector<TokenId>& ids) {
    cache.Extend(a.get(), a->length() + static_cast<int64_t>(ids.size()));
    cache.Commit(a.get(), ids);
  };
  run(Ids(60));
  run(Ids(76, 1000));  // fills the first page and the second
  EXPECT_EQ(a->length(), 136);
  cache.Truncate(a.get(), 62);
  EXPECT_EQ(a->length(), 62);
  cache.Truncate(a.get(), 100);  // nothing to take
  EXPECT_EQ(a->length(), 62);
  run(Ids(66, 60));  // Ids(60), 1000, 1001, 60, 61...
  a.reset();
  std::vector<TokenId> text = Ids(60);
  text.insert(text.end(), {1000, 1001});
  for (int i = 0; i < 66; ++i) text.push_back(60 + i);
  EXPECT_EQ(cache.Admit("", text, 128, 127)->reused(), 127);
  std::vector<TokenId> taken_back = Ids(60);
  for (int i = 0; i < 76; ++i) taken_back.push_back(1000 + i);
  EXPECT_EQ(cache.Admit("", taken_back, 136, 135)->reused(), 62);
  // To the border of a page, and over two.
  auto b = cache.Admit("x", {}, 200, 0);
  cache.Extend(b.get(), 200);
  cache.Commit(b.get(), Ids(200));
  cache.Truncate(b.get(), 64);
  cache.Commit(b.get(), Ids(64, 5000));
  b.reset();
  EXPECT_EQ(cache.Admit("x", Ids(200), 200, 199)->reused(), 64);
}

TEST(KvCache, ReusedPagesGiveTheSameBits) {
  auto decoder = LoadTiny({.arch = "gemma3"}, false);
  KvCache cache((*decoder)->kv_layout(), 64 << 20);
  const auto ids = TinyPrompt(150);
  std::vector<float> logits[2];
  for (auto& out : logits) {
    auto s = cache.Admit("", ids, 150, 149);
    const DecoderChunk chunk{s.get(), std::span(ids).subspan(static_cast<size_t>(s->length())), 1};
    (*decoder)->Forward({&chunk, 1}, &cache);
    const auto row = (*decoder)->Logits(0, 1);
    out.assign(row.begin(), row.end());
    EXPECT_EQ(s->reused(), &out == &logits[1] ? 149 : 0);
  }
  EXPECT_EQ(logits[0], logits[1]);
}

}  // namespace
}  // namespace precis::engine
