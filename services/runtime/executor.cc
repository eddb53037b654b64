#include "runtime/executor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

// Long enough that a refused client does not come back to the very same queue.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);

}  // namespace

Executor::Executor(std::string name, int threads, int queue_limit)
    : name_(std::move(name)), thread_count_(threads), queue_limit_(queue_limit) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

Executor::~Executor() { Drain(); }

// Only jobs that find no idle thread wait.
bool Executor::Full() const { return static_cast<int>(queue_.size()) >= queue_limit_ + thread_count_ - running_; }

absl::Status Executor::Submit(std::function<void()> job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (draining_) return absl::UnavailableError(absl::StrCat("the ", name_, " is shutting down"));
    if (Full()) {
      ++rejected_;
      return WithRetryDelay(
          absl::ResourceExhaustedError(absl::StrCat("the ", name_, "'s queue is full: ", queue_limit_,
                                                    " calls wait already; retry later or raise queue-limit")),
          kRetryDelay);
    }
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Executor::SubmitOrPark(std::function<void()> job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (draining_) return absl::UnavailableError(absl::StrCat("the ", name_, " is shutting down"));
    if (Full()) {
      parked_.emplace_back(++last_ticket_, std::move(job));
      return last_ticket_;
    }
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return 0;
}

bool Executor::Unpark(uint64_t ticket) {
  std::function<void()> job;  // what it holds is freed outside the lock
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found =
      std::find_if(parked_.begin(), parked_.end(), [ticket](const auto& parked) { return parked.first == ticket; });
  if (found == parked_.end()) return false;
  job = std::move(found->second);
  parked_.erase(found);
  return true;
}

// Nobody needs to be woken for it: whoever calls this takes from the queue next, or has just done so with all others
// busy.
void Executor::AdmitParked() {
  while (!parked_.empty() && !Full()) {
    queue_.push_back(std::move(parked_.front().second));
    parked_.pop_front();
  }
}

void Executor::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return draining_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> job = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    AdmitParked();
    lock.unlock();
    job();
    job = nullptr;  // what it holds is freed outside the lock
    lock.lock();
    --running_;
    AdmitParked();
  }
}

void Executor::Drain() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    draining_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

ExecutorStats Executor::stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return {name_, static_cast<int>(queue_.size()), running_, queue_limit_, rejected_};
}

}  // namespace precis::services
