// The sending half of a streaming call: any thread adds messages, one is on its way at a time, and whoever can wait
// waits while too many are pending.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "grpcpp/grpcpp.h"

namespace precis::services {

// Part of a reactor, which forwards OnWriteDone and OnCancel to it and ends only through End(). Thread-safe.
template <class Reactor, class Response>
class Outgoing {
 public:
  // `limit`: pending messages from which Write() waits and `full()` is true.
  Outgoing(Reactor* reactor, size_t limit) : reactor_(reactor), limit_(limit) {}

  // Waits for room. False: the client is gone, stop. Not from a gRPC thread.
  bool Write(Response message) {
    std::unique_lock<std::mutex> lock(mutex_);
    room_.wait(lock, [this] { return broken_ || pending_.size() < limit_; });
    return Add(std::move(message), &lock);
  }

  // Never waits: for senders that bound themselves. False: the client is gone.
  bool Push(Response message) {
    std::unique_lock<std::mutex> lock(mutex_);
    return Add(std::move(message), &lock);
  }

  bool full() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return pending_.size() >= limit_;
  }

  // Called (on a gRPC thread) whenever a message has left and there is room again.
  void OnRoom(std::function<void()> callback) {
    std::lock_guard<std::mutex> lock(mutex_);
    on_room_ = std::move(callback);
  }

  // Finishes the call once what is pending has left. The reactor may be gone when this returns.
  void End(grpc::Status status) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!pending_.empty()) {
        end_ = std::move(status);
        return;
      }
    }
    reactor_->Finish(std::move(status));
  }

  void OnWriteDone(bool ok) {
    const Response* next = nullptr;
    std::optional<grpc::Status> end;
    std::function<void()> on_room;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      pending_.pop_front();
      if (!ok) {
        broken_ = true;
        pending_.clear();
      }
      if (!pending_.empty()) {
        next = &pending_.front();
      } else {
        end = std::move(end_);
      }
      if (!end && pending_.size() < limit_) on_room = on_room_;
    }
    room_.notify_all();
    if (next != nullptr) reactor_->StartWrite(next);
    if (end) reactor_->Finish(std::move(*end));
    if (on_room) on_room();
  }

  void OnCancel() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      broken_ = true;
    }
    room_.notify_all();
  }

 private:
  bool Add(Response message, std::unique_lock<std::mutex>* lock) {
    if (broken_) return false;
    pending_.push_back(std::move(message));
    if (pending_.size() > 1) return true;
    const Response* first = &pending_.front();
    lock->unlock();  // gRPC is never called under our lock
    reactor_->StartWrite(first);
    return true;
  }

  Reactor* const reactor_;
  const size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Response> pending_;  // the front is on its way
  std::optional<grpc::Status> end_;
  std::function<void()> on_room_;
  bool broken_ = false;
};

}  // namespace precis::services
