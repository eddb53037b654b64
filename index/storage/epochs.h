// Which moments readers still look at.
//
// Every mutation has a sequence number; what it removes dies at that number and what it adds is born at it. A reader
// pins the last published number and sees exactly what was alive then, while writers go on. What died is reclaimed when
// no reader is pinned before its death.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace precis::index {

// Thread-safe.
class Epochs {
 public:
  // Holds a moment until it is destroyed.
  class Pin {
   public:
    Pin() = default;
    Pin(Epochs* epochs, std::multiset<uint64_t>::iterator place) : epochs_(epochs), place_(place) {}
    Pin(Pin&& other) noexcept : epochs_(std::exchange(other.epochs_, nullptr)), place_(other.place_) {}
    Pin& operator=(Pin&& other) noexcept {
      std::swap(epochs_, other.epochs_);
      std::swap(place_, other.place_);
      return *this;
    }
    ~Pin() {
      if (epochs_ != nullptr) epochs_->Unpin(place_);
    }
    uint64_t epoch() const { return *place_; }

   private:
    Epochs* epochs_ = nullptr;
    std::multiset<uint64_t>::iterator place_;
  };

  uint64_t published() const { return published_.load(std::memory_order_acquire); }
  void Publish(uint64_t sequence) { published_.store(sequence, std::memory_order_release); }

  Pin PinNow() {
    absl::MutexLock lock(&mu_);
    return Pin(this, pinned_.insert(published()));
  }

  // No reader, now or later, sees what died at or before this number.
  uint64_t Reclaimable() const {
    absl::MutexLock lock(&mu_);
    return pinned_.empty() ? published() : *pinned_.begin();
  }

  // Called, without locks held, when the oldest reader may have gone. Set before the first pin.
  void OnUnpin(std::function<void()> callback) { on_unpin_ = std::move(callback); }

 private:
  void Unpin(std::multiset<uint64_t>::iterator place) {
    bool oldest = false;
    {
      absl::MutexLock lock(&mu_);
      oldest = place == pinned_.begin();
      pinned_.erase(place);
    }
    if (oldest && on_unpin_) on_unpin_();
  }

  std::atomic<uint64_t> published_{0};
  mutable absl::Mutex mu_;
  std::multiset<uint64_t> pinned_ ABSL_GUARDED_BY(mu_);
  std::function<void()> on_unpin_;
};

}  // namespace precis::index
