// Drafts change how long a text takes, never the text.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/scheduler.h"
#include "tiny_model.h"

namespace precis::engine {
namespace {

// Smaller than the model that it drafts for, and mostly wrong.
const TinyModel kSmall = {.layers = 1, .hidden = 32, .ffn = 48, .heads = 2, .kv_heads = 1};

struct Drafts {
  bool lookup = false;
  const TinyModel* model = nullptr;
  int fixed = 0;
};

std::unique_ptr<Scheduler> Make(const Drafts& drafts, const TinyModel& model = {}, int max_sequences = 8,
                                int64_t draft_pages = 64) {
  auto decoder = LoadTiny(model, false).value();
  SpeculationOptions speculation;
  speculation.lookup = drafts.lookup;
  speculation.fixed_drafts = drafts.fixed;
  speculation.vocabulary = decoder->config().vocabulary;
  if (drafts.model != nullptr) {
    speculation.draft = LoadTiny(*drafts.model, false).value();
    speculation.draft_kv_budget_bytes = draft_pages * speculation.draft->kv_layout().page_bytes();
  }
  const int64_t budget = 64 * decoder->kv_layout().page_bytes();
  return std::make_unique<Scheduler>(
      std::move(decoder), SchedulerOptions{.model = "tiny", .max_sequences = max_sequences, .kv_budget_bytes = budget},
      std::move(speculation));
}

struct Text {
  std::vector<TokenId> tokens;
  SequenceJob job;
};

Text Generate(Scheduler* scheduler, std::vector<TokenId> prompt, int64_t max_tokens, const Sampling& sampling,
              std::vector<TokenId> ends = {}) {
  Text text;
  text.job.tokens = std::move(prompt);
  text.job.max_tokens = max_tokens;
  text.job.sampling = sampling;
  text.job.ends = std::move(ends);
  text.job.on_token = [&](TokenId id) {
    text.tokens.push_back(id);
    return true;
  };
  EXPECT_TRUE(scheduler->Run(&text.job).ok());
  return text;
}

// A prompt that says everything twice.
std::vector<TokenId> Repeating(int64_t n, int64_t salt = 0) {
  std::vector<TokenId> ids = TinyPrompt(n, 272, salt);
  const std::vector<TokenId> once = ids;
  ids.insert(ids.end(), once.begin(), once.end());
  return ids;
}

const Sampling kSamplings[] = {{},
                               {.temperature = 0.5f, .seed = 5},
                               {.temperature = 0.9f, .top_p = 0.9f, .seed = 6},
                               {.temperature = 1, .top_k = 3, .min_p = 0.05f, .seed = 7}};

TEST(Speculation, TextsAreThoseWithoutDrafts) {
  const TinyModel self;
  const Drafts kinds[] = {{.lookup = true},
                          {.lookup = true, .fixed = 1},
                          {.lookup = true, .fixed = 15},
                          {.model = &self, .fixed = 1},
                          {.model = &self, .fixed = 7},
                          {.model = &kSmall, .fixed = 4},
                          {.model = &kSmall}};
  auto plain = Make({});
  for (const Drafts& kind : kinds) {
    auto s = Make(kind);
    int64_t drafted = 0, right = 0;
    for (size_t i = 0; i < std::size(kSamplings); ++i) {
      const auto prompt = Repeating(20 + 25 * static_cast<int64_t>(i), static_cast<int64_t>(i));
      const Text without = Generate(plain.get(), prompt, 70, kSamplings[i]);
      EXPECT_EQ(without.job.drafted, 0);
      const Text with = Generate(s.get(), prompt, 70, kSamplings[i]);
      EXPECT_EQ(with.tokens, without.tokens) << i;
      EXPECT_EQ(with.job.generated, 70);
      drafted += with.job.drafted;
      right += with.job.drafts_right;
    }
    EXPECT_LE(right, drafted);
    if (kind.fixed > 0) {
      EXPECT_GT(right, 0);
    }
    if (kind.model == &self) {
      EXPECT_EQ(right, drafted);  // by the same draws
      EXPECT_GT(drafted, kind.fixed == 7 ? 200 : 100);
    } else if (kind.fixed > 0) {
      EXPECT_LT(right, drafted);
    }
  }
}

TEST(Speculation, TextsOfManyAreThoseOfEachAlone) {
  const TinyModel self;
  for (const Drafts& kind : {Drafts{.lookup = true, .fixed = 6}, Drafts{.model = &self, .fixed = 3},
                             Drafts{.model = &kSmall, .fixed = 5}, Drafts{.lookup = true}}) {
    auto plain = Make({}), shared = Make(kind, {}, 4);
    std::vector<std::vector<TokenId>> expected(8), got(8);
    for (size_t i = 0; i < 8; ++i) {
      expected[i] = Generate(plain.get(), Repeating(5 + 30 * static_cast<int64_t>(i % 4), static_cast<int64_t>(i)), 40,
                             kSamplings[i % 4])
                        .tokens;
    }
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        got[i] = Generate(shared.get(), Repeating(5 + 30 * static_cast<int64_t>(i % 4), static_cast<int64_t>(i)), 40,
                          kSamplings[i % 4])
                     .tokens;
      });
    }
    for (auto& t : threads) t.join();
    EXPECT_EQ(got, expected);
  }
}

TEST(Speculation, EndsAndLimitsAreWhereTheyWere) {
  auto plain = Make({}), s = Make({.lookup = true, .fixed = 15});
  const auto prompt = Repeating(30);
  const Sampling sampling = {.temperature = 0.5f, .seed = 3};
  const Text whole = Generate(plain.get(), prompt, 60, sampling);
  for (const int64_t most : {1, 2, 3, 17, 59}) {
    const Text text = Generate(s.get(), prompt, most, sampling);
    EXPECT_EQ(text.tokens, std::vector<TokenId>(whole.tokens.begin(), whole.tokens.begin() + most));
    EXPECT_FALSE(text.job.ended);
  }
  for (const size_t at : {1u, 20u, 40u}) {
    const Text text = Generate(s.get(), prompt, 60, sampling, {whole.tokens[at]});
    const Text expected = Generate(plain.get(), prompt, 60, sampling, {whole.tokens[at]});
    EXPECT_EQ(text.tokens, expected.tokens);
    EXPECT_TRUE(text.job.ended);
    EXPECT_EQ(text.job.generated, expected.job.generated);
  }
}

TEST(Speculation, WhatWrongDraftsLeftIsNotReused) {
  // Questions over one context, each after the other: prefixes come from pages on which drafts were wrong.
  auto plain = Make({}), s = Make({.lookup = true, .fixed = 15});
  std::vector<TokenId> text = Repeating(40);
  for (int turn = 0; turn < 5; ++turn) {
    const Sampling sampling = {.temperature = 0.7f, .seed = static_cast<uint64_t>(turn)};
    const Text with = Generate(s.get(), text, 30, sampling), without = Generate(plain.get(), text, 30, sampling);
    ASSERT_EQ(with.tokens, without.tokens) << turn;
    if (turn > 0) {
      EXPECT_EQ(with.job.cached_tokens, static_cast<int64_t>(text.size()) - 4);
    }
    text.insert(text.end(), with.tokens.begin(), with.tokens.end());
    text.insert(text.end(), {1, 2, 3});
  }
}

TEST(Speculation, ACallerWhoLeavesGetsNoMoreOfTheStep) {
  const TinyModel self;
  for (const Drafts& kind : {Drafts{.lookup = true, .fixed = 15}, Drafts{.model = &self, .fixed = 15}}) {
    auto s = Make(kind);
    for (const bool cancel : {true, false}) {
      const CallContext call = CallContext::Make();
      int64_t seen = 0;
      SequenceJob job;
      job.tokens = Repeating(30);
      job.max_tokens = 100;
      job.call = call;
      job.on_token = [&](TokenId) {
        if (++seen < 10) return true;
        if (cancel) call.Cancel();
        return cancel;
      };
      EXPECT_EQ(s->Run(&job).code(), cancel ? absl::StatusCode::kCancelled : absl::StatusCode::kOk);
      EXPECT_EQ(seen, 10);
    }
  }
}

TEST(Speculation, DraftModelWithoutRoomOrWithFewerTokensIsNoHindrance) {
  TinyModel narrow = kSmall;
  narrow.vocabulary = 200;
  auto plain = Make({});
  auto small_cache = Make({.model = &kSmall, .fixed = 3}, {}, 8, 1), few_tokens = Make({.model = &narrow, .fixed = 3});
  const auto prompt = Repeating(60);
  const auto expected = Generate(plain.get(), prompt, 50, {}).tokens;
  const Text a = Generate(small_cache.get(), prompt, 50, {});
  EXPECT_EQ(a.tokens, expected);
  EXPECT_EQ(a.job.drafted, 0);
  EXPECT_EQ(Generate(few_tokens.get(), prompt, 50, {}).tokens, expected);
}

TEST(Speculation, ADraftModelThatDoesNotPayIsLeftAlone) {
  // As slow as the model itself: every draft costs more than it saves.
  const TinyModel self;
  auto s = Make({.model = &self});
  const Text text = Generate(s.get(), TinyPrompt(20), 400, {.temperature = 1, .seed = 1});
  EXPECT_LT(text.job.drafted, 200);
}

}  // namespace
}  // namespace precis::engine
