// Frees the space of what nobody can reach any more: replaced and deleted versions, attempts that failed, collections
// that are gone. In the background, one at a time, when no reader is pinned before the death.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "storage/epochs.h"
#include "storage/store.h"

namespace precis::index {

// Thread-safe.
class Sweeper {
 public:
  Sweeper(Store* store, Epochs* epochs);
  ~Sweeper();  // what is still queued is found again at the next start

  // `version_prefix`: of one attempt (keys.h), dead from sequence number `death` on.
  void Version(std::string version_prefix, uint64_t death);
  void Collection(uint64_t uid, uint64_t death);
  // A reader has gone: something may be free to go.
  void Wake();
  // Returns when the queue is empty.
  void DrainForTest();

 private:
  struct Item {
    uint64_t death;
    std::string version_prefix;  // empty: the whole collection
    uint64_t uid;
  };
  void Run();
  void Push(Item item);

  Store* store_;
  Epochs* epochs_;
  absl::Mutex mu_;
  absl::CondVar changed_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

// Removes all keys of one attempt; its mark last, so that a kill in between leaves it to be found.
absl::Status EraseVersion(Store* store, const std::string& version_prefix);
absl::Status EraseCollection(Store* store, uint64_t uid);

}  // namespace precis::index
