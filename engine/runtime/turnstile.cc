#include "runtime/turnstile.h"

#include <algorithm>
#include <chrono>

namespace precis::engine {

absl::StatusOr<Turnstile::Turn> Turnstile::Enter(const CallContext& call) {
  // A CallContext cannot wake a waiter: look at it this often.
  constexpr auto kCheckEvery = std::chrono::milliseconds(2);
  std::unique_lock lock(mutex_);
  const uint64_t ticket = next_ticket_++;
  line_.push_back(ticket);
  while (line_.front() != ticket) {
    if (absl::Status status = call.Check(); !status.ok()) {
      line_.erase(std::find(line_.begin(), line_.end(), ticket));
      return status;
    }
    changed_.wait_for(lock, kCheckEvery);
  }
  return Turn(this);
}

void Turnstile::Leave() {
  {
    std::lock_guard lock(mutex_);
    line_.pop_front();
  }
  changed_.notify_all();
}

}  // namespace precis::engine
