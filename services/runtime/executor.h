// Where work runs, so that no gRPC thread ever blocks: a named pool with a bounded queue.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"

namespace precis::services {

struct ExecutorStats {
  std::string name;
  int waiting = 0, running = 0, capacity = 0;
  int64_t rejected = 0;  // since the start
};

// Thread-safe. Jobs start in the order in which they were submitted.
class Executor {
 public:
  Executor(std::string name, int threads, int queue_limit);
  ~Executor();  // Drain()
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Runs `job` on a thread of the pool. ResourceExhausted when `queue_limit` jobs wait already (the status carries when
  // to retry, see status.h), Unavailable after Drain().
  [[nodiscard]] absl::Status Submit(std::function<void()> job);

  // Takes no more jobs, runs those that were accepted, joins the threads. May be called twice, not from a job.
  void Drain();

  ExecutorStats stats() const;

 private:
  void Work();

  const std::string name_;
  const int queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  int running_ = 0;
  int64_t rejected_ = 0;
  bool draining_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace precis::services
