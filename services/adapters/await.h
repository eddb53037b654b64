// Waiting, on a thread that may block, for a callback of gRPC: until it comes or the call ends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "grpcpp/grpcpp.h"
#include "precis/base/call_context.h"

namespace precis::services {

// A result that another thread gives once.
class Arrival {
 public:
  void Arrive(grpc::Status status) {
    std::lock_guard<std::mutex> lock(mutex_);
    status_ = std::move(status);
    arrived_.notify_all();
  }

  // `cancel` is called once if `call` is cancelled meanwhile (deadlines are gRPC's business); the arrival is awaited
  // all the same, since what it fills in is used until then.
  grpc::Status Await(const CallContext& call, const std::function<void()>& cancel) {
    std::unique_lock<std::mutex> lock(mutex_);
    bool cancelled = false;
    while (!status_) {
      // CallContext can only be polled; 10 ms is below what a person or a test notices.
      arrived_.wait_for(lock, std::chrono::milliseconds(10));
      if (!cancelled && !status_ && absl::IsCancelled(call.Check())) {
        cancelled = true;
        lock.unlock();
        cancel();
        lock.lock();
      }
    }
    return *status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<grpc::Status> status_;
};

}  // namespace precis::services
