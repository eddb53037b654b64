#include "cpu/thread_pool.h"

#include <array>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace precis::engine::cpu {
namespace {

TEST(ThreadPool, EveryIndexIsVisitedOnceForEverySizeAndGrain) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t n : {0, 1, 2, 7, 31, 32, 33, 1000}) {
      for (const int64_t grain : {1, 2, 32, 5000}) {
        std::vector<std::atomic<int>> visits(n);
        pool.ParallelFor(n, grain, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(begin % grain, 0);
          EXPECT_LT(begin, end);
          for (int64_t i = begin; i < end; ++i) visits[i].fetch_add(1);
        });
        for (const auto& count : visits) ASSERT_EQ(count.load(), 1);
      }
    }
  }
}

TEST(ThreadPool, CallersOnSeveralThreadsAllFinishWithTheirOwnWork) {
  ThreadPool pool(3);
  std::vector<int64_t> sums(4, 0);
  std::vector<std::thread> callers;
  for (size_t c = 0; c < sums.size(); ++c) {
    callers.emplace_back([&, c] {
      for (int round = 0; round < 2000; ++round) {
        std::array<int64_t, 64> out{};
        pool.ParallelFor(64, 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) out[i] = i + static_cast<int64_t>(c);
        });
        sums[c] += std::accumulate(out.begin(), out.end(), int64_t{0});
      }
    });
  }
  for (auto& caller : callers) caller.join();
  for (size_t c = 0; c < sums.size(); ++c) EXPECT_EQ(sums[c], 2000 * (64 * 63 / 2 + 64 * static_cast<int64_t>(c)));
}

TEST(ThreadPool, NestedCallsRunInPlace) {
  ThreadPool pool(2);
  std::atomic<int> total{0};
  pool.ParallelFor(8, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto self = std::this_thread::get_id();
      pool.ParallelFor(10, 1, [&](int64_t b, int64_t e) {
        EXPECT_EQ(std::this_thread::get_id(), self);
        total += static_cast<int>(e - b);
      });
    }
  });
  EXPECT_EQ(total.load(), 80);
}

TEST(ThreadPool, SharedPoolsOfOneSizeAreOnePool) {
  const auto a = ThreadPool::Shared(2), b = ThreadPool::Shared(2), c = ThreadPool::Shared(3);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

}  // namespace
}  // namespace precis::engine::cpu
