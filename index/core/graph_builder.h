// Decides when a collection's graph is made or made anew, and makes it, in the background, one at a time. Until it is
// there search is exact.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "search/collection_state.h"
#include "storage/epochs.h"

namespace precis::index {

// Thread-safe.
class GraphBuilder {
 public:
  GraphBuilder(Epochs* epochs, int64_t flat_limit);
  ~GraphBuilder();

  // The collection has changed: builds if it should. Cheap where it should not.
  void Consider(const std::shared_ptr<CollectionState>& collection);
  // Returns when nothing is queued or being built.
  void DrainForTest();

 private:
  bool Due(const CollectionState& collection) const;
  void Run();

  Epochs* epochs_;
  const int64_t flat_limit_;
  std::atomic<bool> stop_{false};
  absl::Mutex mu_;
  absl::CondVar changed_;
  std::deque<std::shared_ptr<CollectionState>> queue_ ABSL_GUARDED_BY(mu_);  // the first is being built
  std::thread thread_;
};

}  // namespace precis::index
