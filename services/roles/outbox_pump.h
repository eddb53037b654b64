// Carries the index's outbox of deletes to every cache until each has acknowledged (design.md, Erasure).
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "adapters/channels.h"
#include "precis/base/call_context.h"
#include "precis/index/index.h"
#include "runtime/metrics.h"

namespace precis::services {

// Thread-safe. A record survives every kill, since the index keeps it until AcknowledgeErasures; a cache that is down
// is tried again, at most every two seconds.
class OutboxPump {
 public:
  // All outlive it.
  OutboxPump(index::Index& index, const Channels& channels, Metrics& metrics);
  ~OutboxPump();  // Stop()

  void Start();
  // Waiters get Unavailable.
  void Stop();

  // There may be new records.
  void Wake();

  // Calls `done` once everything up to `epoch` is acknowledged by every cache, or with what ended `call` before.
  void WhenErased(uint64_t epoch, const CallContext& call, std::function<void(absl::Status)> done);

 private:
  struct Waiter {
    uint64_t epoch;
    CallContext call;
    std::function<void(absl::Status)> done;
  };

  void Run();
  // True when there is nothing left to send.
  bool Send(Role consumer);
  void AnswerWaiters();

  index::Index& index_;
  const Channels& channels_;
  Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool awake_ = true;  // the first round sends what a kill left
  bool stopping_ = false;
  std::vector<Waiter> waiters_;
  std::thread thread_;
};

}  // namespace precis::services
