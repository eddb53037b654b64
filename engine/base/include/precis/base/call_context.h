// The deadline and the cancellation of one call, carried through every layer.
//
// Every function that can take longer than a millisecond takes a CallContext and calls Check() between its steps, so
// that a client that leaves frees what it used within one step.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace precis {

// Cheap to copy. Thread-safe: Cancel() may be called from any thread while others call Check().
class CallContext {
 public:
  // Never cancelled, no deadline.
  CallContext() = default;
  explicit CallContext(absl::Time deadline) : deadline_(deadline), cancelled_(std::make_shared<std::atomic<bool>>()) {}

  // A context that can be cancelled; `request_id` names the call in logs.
  static CallContext Make(absl::Time deadline = absl::InfiniteFuture(), std::string request_id = "");

  // From now on Check() answers Cancelled in every copy. No effect on a default-constructed context.
  void Cancel() const {
    if (cancelled_) cancelled_->store(true, std::memory_order_relaxed);
  }

  // OK, Cancelled, or DeadlineExceeded.
  [[nodiscard]] absl::Status Check() const;

  absl::Time deadline() const { return deadline_; }
  const std::string& request_id() const { return request_id_; }

  // The same cancellation with a deadline no later than `deadline`.
  CallContext WithDeadline(absl::Time deadline) const;

 private:
  absl::Time deadline_ = absl::InfiniteFuture();
  std::shared_ptr<std::atomic<bool>> cancelled_;
  std::string request_id_;
};

}  // namespace precis
