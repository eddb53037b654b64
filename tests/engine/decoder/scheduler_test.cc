// The scheduler over a made-up model: whoever runs beside whom, results are those of running alone.
#include "runtime/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tiny_model.h"

namespace precis::engine {
namespace {

std::unique_ptr<Scheduler> Make(SchedulerOptions options = {}, const TinyModel& model = {}, int threads = 1) {
  options.model = "tiny";
  auto decoder = LoadTiny(model, false, cpu::BestIsaLevel(), threads).value();
  if (options.kv_budget_bytes == 0) options.kv_budget_bytes = 64 * decoder->kv_layout().page_bytes();
  return std::make_unique<Scheduler>(std::move(decoder), options);
}

struct Outcome {
  absl::Status status;
  std::vector<TokenId> tokens;
  SequenceJob job;
};

Outcome Generate(Scheduler* scheduler, std::vector<TokenId> prompt, int64_t max_tokens, Sampling sampling = {},
                 CallContext call = CallContext::Make(), std::string tenant = "") {
  Outcome o;
  o.job.tokens = std::move(prompt);
  o.job.max_tokens = max_tokens;
  o.job.sampling = sampling;
  o.job.call = std::move(call);
  o.job.tenant = std::move(tenant);
  o.job.on_token = [&](TokenId id) {
    o.tokens.push_back(id);
    return true;
  };
  o.status = scheduler->Run(&o.job);
  return o;
}

TEST(Scheduler, TextsOfManyAreThoseOfEachAlone) {
  std::vector<Sampling> sampling = {{}, {.temperature = 1, .seed = 5}, {.temperature = 0.7f, .top_p = 0.9f, .seed = 6}};
  std::vector<std::vector<TokenId>> expected;
  for (int i = 0; i < 12; ++i) {
    auto alone = Make();
    const Outcome o =
        Generate(alone.get(), TinyPrompt(3 + 23 * i, 272, i % 6), 20, sampling[static_cast<size_t>(i % 3)]);
    ASSERT_TRUE(o.status.ok()) << o.status;
    ASSERT_EQ(o.tokens.size(), 20u);
    expected.push_back(o.tokens);
  }
  auto shared = Make({.max_sequences = 4, .queue_limit = 100}, {}, 2);
  for (int round = 0; round < 2; ++round) {  // the second time with prefixes from the cache
    std::vector<std::thread> threads;
    std::vector<Outcome> outcomes(12);
    for (int i = 0; i < 12; ++i) {
      threads.emplace_back([&, i] {
        outcomes[static_cast<size_t>(i)] =
            Generate(shared.get(), TinyPrompt(3 + 23 * i, 272, i % 6), 20, sampling[static_cast<size_t>(i % 3)]);
      });
    }
    for (auto& t : threads) t.join();
    for (size_t i = 0; i < 12; ++i) {
      EXPECT_TRUE(outcomes[i].status.ok()) << outcomes[i].status;
      EXPECT_EQ(outcomes[i].tokens, expected[i]) << i;
    }
  }
}

TEST(Scheduler, SecondQuestionOverTheSameContextReusesIt) {
  auto s = Make();
  auto first = TinyPrompt(200), second = first;
  second.back() = 3;
  const Outcome a = Generate(s.get(), first, 5, {}, CallContext::Make(), "t");
  EXPECT_EQ(a.job.cached_tokens, 0);
  const Outcome b = Generate(s.get(), second, 5, {}, CallContext::Make(), "t");
  EXPECT_EQ(b.job.cached_tokens, 199);  // all but the token that its first one comes after
  EXPECT_EQ(b.tokens, Generate(Make().get(), second, 5).tokens);
  EXPECT_EQ(Generate(s.get(), second, 5, {}, CallContext::Make(), "other").job.cached_tokens, 0);
}

TEST(Scheduler, EndTokensEndTheTextAndAreNotPartOfIt) {
  auto s = Make();
  const Outcome whole = Generate(s.get(), TinyPrompt(10), 12, {.temperature = 2, .seed = 3});
  ASSERT_GE(whole.tokens.size(), 12u);
  Outcome o;
  o.job.tokens = TinyPrompt(10);
  o.job.max_tokens = 12;
  o.job.sampling = {.temperature = 2, .seed = 3};
  o.job.ends = {whole.tokens[7]};
  o.job.on_token = [&](TokenId id) {
    o.tokens.push_back(id);
    return true;
  };
  ASSERT_TRUE(s->Run(&o.job).ok());
  const auto first = std::find(whole.tokens.begin(), whole.tokens.end(), whole.tokens[7]);
  EXPECT_EQ(o.tokens, std::vector<TokenId>(whole.tokens.begin(), first));
  EXPECT_TRUE(o.job.ended);
}

TEST(Scheduler, CancelEndsARunningText) {
  auto s = Make();
  const CallContext call = CallContext::Make();
  Outcome o;
  o.job.tokens = TinyPrompt(5);
  o.job.max_tokens = 400;
  o.job.call = call;
  o.job.on_token = [&](TokenId id) {
    o.tokens.push_back(id);
    if (o.tokens.size() == 3) call.Cancel();
    return true;
  };
  EXPECT_EQ(s->Run(&o.job).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(o.tokens.size(), 3u);  // within one step
  EXPECT_TRUE(Generate(s.get(), TinyPrompt(5), 3).status.ok());
}

TEST(Scheduler, DeadlineEndsAPrompt) {
  auto s = Make();
  EXPECT_EQ(Generate(s.get(), TinyPrompt(400), 100, {}, CallContext(absl::Now() - absl::Seconds(1))).status.code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(
      Generate(s.get(), TinyPrompt(400), 100, {}, CallContext(absl::Now() + absl::Microseconds(300))).status.code(),
      absl::StatusCode::kDeadlineExceeded);
}

TEST(Scheduler, FullQueueRefusesWithItsLimit) {
  auto s = Make({.max_sequences = 1, .queue_limit = 2});
  std::atomic<bool> go{false};
  std::atomic<int> running{0};
  std::vector<std::thread> threads;
  // The first holds the engine until the queue has been seen full.
  threads.emplace_back([&] {
    SequenceJob job;
    job.tokens = TinyPrompt(3);
    job.max_tokens = 2;
    job.on_token = [&](TokenId) {
      running = 1;
      while (!go) std::this_thread::yield();
      return true;
    };
    EXPECT_TRUE(s->Run(&job).ok());
  });
  while (running == 0) std::this_thread::yield();
  std::atomic<int> refused{0}, fine{0};
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&] {
      const Outcome o = Generate(s.get(), TinyPrompt(3), 2);
      if (o.status.ok()) {
        ++fine;
      } else {
        EXPECT_EQ(o.status.code(), absl::StatusCode::kResourceExhausted);
        EXPECT_NE(std::string(o.status.message()).find("2 calls are waiting"), std::string::npos);
        ++refused;
      }
    });
  }
  while (refused < 3) std::this_thread::yield();
  go = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(fine, 2);
}

TEST(Scheduler, OfAThousandCallsTheQueueTakesItsShareAndTheRestIsRefusedAtOnce) {
  auto s = Make({.max_sequences = 4, .queue_limit = 64});
  std::atomic<bool> go{false};
  std::atomic<int> arrived{0}, refused{0}, fine{0};
  const auto call = [&](int i) {
    SequenceJob job;
    job.tokens = TinyPrompt(3, 272, i);
    job.max_tokens = 2;
    job.on_token = [&](TokenId) {
      ++arrived;
      while (!go) std::this_thread::yield();  // holds the engine
      return true;
    };
    const absl::Status status = s->Run(&job);
    if (status.ok()) {
      ++fine;
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      ++refused;
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(call, 0);
  while (arrived == 0) std::this_thread::yield();
  for (int i = 1; i < 1000; ++i) threads.emplace_back(call, i);
  while (refused < 1000 - 1 - 64) std::this_thread::yield();  // while nothing else moves
  EXPECT_EQ(fine, 0);
  go = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(fine, 1 + 64);
  EXPECT_EQ(refused, 1000 - 1 - 64);
}

TEST(Scheduler, ReceiverThatNeverReadsHoldsNobodyUp) {
  // What a stream's sender does: it takes a token and returns, whether or not anybody reads.
  auto s = Make();
  std::vector<TokenId> unread;
  const CallContext slow = CallContext::Make();
  std::thread reader([&] {
    SequenceJob job;
    job.tokens = TinyPrompt(5);
    job.max_tokens = 300;
    job.call = slow;
    job.on_token = [&](TokenId id) {
      unread.push_back(id);
      return true;
    };
    EXPECT_TRUE(s->Run(&job).ok());
  });
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Generate(s.get(), TinyPrompt(9, 272, i), 10).status.ok());
  reader.join();
  EXPECT_EQ(unread.size(), 300u);
}

TEST(Scheduler, SequenceLongerThanTheBudgetIsRefusedAndOthersWaitForRoom) {
  const KvLayout layout = LoadTiny({}, false).value()->kv_layout();
  auto s = Make({.max_sequences = 8, .queue_limit = 64, .kv_budget_bytes = 3 * layout.page_bytes()});
  const Outcome o = Generate(s.get(), TinyPrompt(190), 4);
  EXPECT_EQ(o.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(std::string(o.status.message()).find("193"), std::string::npos);
  EXPECT_NE(std::string(o.status.message()).find("192"), std::string::npos);
  std::vector<std::thread> threads;
  std::atomic<int> fine{0};
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] { fine += Generate(s.get(), TinyPrompt(100, 272, i), 10).status.ok(); });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(fine, 6);
}

TEST(Scheduler, ScoresAreTheLogProbabilitiesOfTheTokens) {
  auto s = Make();
  const auto ids = TinyPrompt(200);
  SequenceJob whole;
  whole.tokens = ids;
  whole.score_from = 1;
  ASSERT_TRUE(s->Run(&whole).ok());
  ASSERT_EQ(whole.logprobs.size(), 199u);
  SequenceJob part;
  part.tokens = ids;
  part.score_from = 150;
  ASSERT_TRUE(s->Run(&part).ok());
  ASSERT_EQ(part.logprobs.size(), 50u);
  EXPECT_GT(part.cached_tokens, 0);
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(part.logprobs[i], whole.logprobs[149 + i]);
  auto decoder = LoadTiny({}, false).value();
  KvCache cache(decoder->kv_layout(), 64 << 20);
  auto kv = cache.Admit("", ids, 200, 0);
  const DecoderChunk chunk{kv.get(), ids, 200};
  decoder->Forward({&chunk, 1}, &cache);
  for (const int64_t i : {0, 70, 198}) {
    const auto row = decoder->Logits(i, 1);
    double sum = 0;
    for (const float v : row) sum += std::exp(static_cast<double>(v));
    EXPECT_NEAR(whole.logprobs[static_cast<size_t>(i)],
                row[static_cast<size_t>(ids[static_cast<size_t>(i) + 1])] - std::log(sum), 1e-4);
  }
}

TEST(Scheduler, NotANumberIsAnErrorThatNamesTheModel) {
  auto s = Make({}, {.nan_tensor = "blk.2.ffn_down.weight"});
  const Outcome o = Generate(s.get(), TinyPrompt(5), 3);
  EXPECT_EQ(o.status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(std::string(o.status.message()).find("'tiny'"), std::string::npos);
  SequenceJob job;
  job.tokens = TinyPrompt(5);
  EXPECT_EQ(s->Run(&job).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace precis::engine
