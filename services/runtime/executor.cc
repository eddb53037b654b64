#include "runtime/executor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

// Long enough that a refused client does not come back to the very same queue.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);

}  // namespace

Executor::Executor(std::string name, int threads, int queue_limit) : name_(std::move(name)), queue_limit_(queue_limit) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

Executor::~Executor() { Drain(); }

absl::Status Executor::Submit(std::function<void()> job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (draining_) return absl::UnavailableError(absl::StrCat("the ", name_, " is shutting down"));
    if (static_cast<int>(queue_.size()) >= queue_limit_) {
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

void Executor::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return draining_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> job = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    job();
    job = nullptr;  // what it holds is freed outside the lock
    lock.lock();
    --running_;
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
