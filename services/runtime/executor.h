// Where work runs, so that no gRPC thread ever blocks: a named pool with a bounded queue.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace precis::services {

struct ExecutorStats {
  std::string name;
  int waiting = 0, running = 0, capacity = 0;
  int64_t rejected = 0;  // since the start
};

// Thread-safe. Jobs start in the order in which they were submitted or parked.
class Executor {
 public:
  Executor(std::string name, int threads, int queue_limit);
  ~Executor();  // Drain()
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Runs `job` on a thread of the pool. ResourceExhausted when `queue_limit` jobs wait already (the status carries when
  // to retry, see status.h), Unavailable after Drain(). A job that an idle thread is about to take does not wait.
  [[nodiscard]] absl::Status Submit(std::function<void()> job);

  // As Submit, but where the queue is full the job is parked until it has room, first come, first served; no later
  // job overtakes it. For callers that stop taking work in while one job of theirs is parked: the queue stays bounded,
  // and so does what is parked, by their number. Gives 0, or for a parked job its ticket. Unavailable after Drain().
  [[nodiscard]] absl::StatusOr<uint64_t> SubmitOrPark(std::function<void()> job);
  // Takes a parked job back, which then never runs. False: it has left the car park.
  bool Unpark(uint64_t ticket);

  // Takes no more jobs, runs those that were accepted, joins the threads. May be called twice, not from a job.
  void Drain();

  ExecutorStats stats() const;

 private:
  void Work();
  bool Full() const;   // under the lock
  void AdmitParked();  // under the lock

  const std::string name_;
  const int thread_count_, queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::deque<std::pair<uint64_t, std::function<void()>>> parked_;  // not empty: the queue is full
  uint64_t last_ticket_ = 0;
  int running_ = 0;
  int64_t rejected_ = 0;
  bool draining_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace precis::services
