#include "precis/base/call_context.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"

namespace precis {
namespace {

TEST(CallContext, CopiesShareTheCancellation) {
  const CallContext call = CallContext::Make();
  const CallContext copy = call.WithDeadline(absl::Now() + absl::Hours(1));
  EXPECT_TRUE(copy.Check().ok());
  call.Cancel();
  EXPECT_EQ(copy.Check().code(), absl::StatusCode::kCancelled);
}

TEST(CallContext, AnEarlierDeadlineWins) {
  const CallContext call = CallContext::Make(absl::Now() - absl::Seconds(1));
  EXPECT_EQ(call.WithDeadline(absl::InfiniteFuture()).Check().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(CallContext, TheDefaultNeverEnds) {
  const CallContext call;
  call.Cancel();
  EXPECT_TRUE(call.Check().ok());
}

}  // namespace
}  // namespace precis
