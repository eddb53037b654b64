// Keeps the derived indexes of collections fit, in the background, one collection at a time: makes a graph where there
// should be one, makes it anew when much came after it, drops what is dead when much is. Search goes on meanwhile,
// exactly over what the graph lacks; the new indexes take over at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "search/collection_state.h"
#include "search/graph_snapshot.h"
#include "storage/committer.h"
#include "storage/epochs.h"

namespace precis::index {

struct IndexBuilderOptions {
  std::string folder;      // of the graph snapshots
  int64_t flat_limit = 0;  // see IndexOptions
  int64_t snapshot_every = 0;
};

// Thread-safe.
class IndexBuilder {
 public:
  IndexBuilder(IndexBuilderOptions options, Epochs* epochs, Committer* committer);
  ~IndexBuilder();  // gives up what is being built

  // The collection has changed: builds if it should. Cheap where it should not.
  void Consider(const std::shared_ptr<CollectionState>& collection);
  // Returns when nothing is queued or being built.
  void Drain();

  std::string SnapshotPath(uint64_t uid) const;
  static GraphIdentity IdentityOf(const CollectionState& collection);

 private:
  struct Work {
    bool graph = false, compact = false;
  };
  Work Due(const CollectionState& collection) const;
  absl::Status Build(const std::shared_ptr<CollectionState>& collection, const Work& work);
  void Run();

  const IndexBuilderOptions options_;
  Epochs* epochs_;
  Committer* committer_;
  std::atomic<bool> stop_{false};
  absl::Mutex mu_;
  absl::CondVar changed_;
  std::deque<std::shared_ptr<CollectionState>> queue_ ABSL_GUARDED_BY(mu_);  // the first is being built
  std::thread thread_;
};

}  // namespace precis::index
