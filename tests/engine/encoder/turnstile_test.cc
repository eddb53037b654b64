#include "runtime/turnstile.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace precis::engine {
namespace {

TEST(Turnstile, OneTurnAtATime) {
  Turnstile turnstile;
  int64_t counter = 0;  // unguarded: TSan sees a second holder, and so does the sum
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const auto turn = turnstile.Enter(CallContext());
        ASSERT_TRUE(turn.ok());
        ++counter;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 2000);
}

TEST(Turnstile, AWaiterThatIsCancelledLeavesTheLine) {
  Turnstile turnstile;
  auto first = std::make_optional(turnstile.Enter(CallContext()));
  ASSERT_TRUE(first->ok());
  const CallContext call = CallContext::Make();
  std::atomic<bool> cancelled{false};
  std::thread waiter([&] { cancelled = turnstile.Enter(call).status().code() == absl::StatusCode::kCancelled; });
  call.Cancel();
  waiter.join();
  EXPECT_TRUE(cancelled);
  first.reset();
  EXPECT_TRUE(turnstile.Enter(CallContext()).ok());
}

TEST(Turnstile, TurnsAreGivenInTheOrderOfArrival) {
  Turnstile turnstile;
  std::vector<int> order;
  auto first = std::make_optional(turnstile.Enter(CallContext()));
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      const auto turn = turnstile.Enter(CallContext());
      order.push_back(i);
    });
    while (turnstile.WaitingForTest() < static_cast<size_t>(i + 1)) std::this_thread::yield();
  }
  first.reset();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace precis::engine
