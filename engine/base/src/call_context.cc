#include "precis/base/call_context.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace precis {

CallContext CallContext::Make(absl::Time deadline, std::string request_id) {
  CallContext context(deadline);
  context.request_id_ = std::move(request_id);
  return context;
}

absl::Status CallContext::Check() const {
  if (cancelled_ && cancelled_->load(std::memory_order_relaxed)) {
    return absl::CancelledError("the caller cancelled the request");
  }
  if (deadline_ != absl::InfiniteFuture() && absl::Now() >= deadline_) {
    return absl::DeadlineExceededError("the request's deadline passed");
  }
  return absl::OkStatus();
}

CallContext CallContext::WithDeadline(absl::Time deadline) const {
  CallContext result = *this;
  result.deadline_ = std::min(deadline_, deadline);
  return result;
}

}  // namespace precis
