// First come, first served: the calls that use one model take turns, a small step of work at a time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"

namespace precis::engine {

// Thread-safe. A caller that wants several turns lines up again after each, behind those who came meanwhile: a short
// call waits for one step of each call before it, not for their whole work.
class Turnstile {
 public:
  // A turn; it ends when this is destroyed.
  class Turn {
   public:
    Turn(Turn&& other) noexcept : turnstile_(other.turnstile_) { other.turnstile_ = nullptr; }
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turnstile_ != nullptr) turnstile_->Leave();
    }

   private:
    friend class Turnstile;
    explicit Turn(Turnstile* turnstile) : turnstile_(turnstile) {}
    Turnstile* turnstile_;
  };

  // Waits for the caller's turn. Errors: Cancelled or DeadlineExceeded while waiting (then the place is given up).
  [[nodiscard]] absl::StatusOr<Turn> Enter(const CallContext& call);

  // Callers in line behind the one that has the turn.
  size_t WaitingForTest() {
    std::lock_guard lock(mutex_);
    return line_.empty() ? 0 : line_.size() - 1;
  }

 private:
  void Leave();

  // A std::mutex, because ThreadSanitizer does not see into Debian's absl::Mutex. It guards what follows.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<uint64_t> line_;  // tickets; the first has the turn
  uint64_t next_ticket_ = 0;
};

}  // namespace precis::engine
