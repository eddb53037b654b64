// A collection in memory: its documents, and the indexes derived from what RocksDB holds of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "precis/index/types.h"
#include "search/damaged_documents.h"
#include "search/document_entry.h"
#include "search/hnsw_graph.h"
#include "search/keyword_index.h"
#include "search/slot_table.h"
#include "storage/records.h"

namespace precis::index {

// A version with all that the indexes need of it.
struct VersionData {
  std::shared_ptr<const DocumentEntry> document;
  std::vector<float> vectors;      // [chunks, dimensions]
  std::vector<TermsRecord> terms;  // [chunks]
};

// Thread-safe. Add, Remove and Drop are called by one thread at a time (the committer's, or the loader's).
class CollectionState {
 public:
  // What a search reads: as of one epoch, without locks.
  struct View {
    SlotView slots;
    std::shared_ptr<const KeywordIndex> keywords;
    std::shared_ptr<const HnswGraph> graph;  // over the first slots; may be null
    KeywordStatistics statistics;
    uint64_t generation = 0;
  };
  // The indexes made anew without what nobody sees any more.
  struct Compacted {
    std::unique_ptr<SlotTable> slots;
    std::shared_ptr<KeywordIndex> keywords;
    std::vector<uint32_t> new_slots;  // by old slot; kNoSlot: gone
  };
  struct Counts {
    int64_t documents = 0, chunks = 0, tokens = 0, text_bytes = 0, length = 0;
  };

  CollectionState(CollectionRecord record, uint64_t generation);

  const CollectionRecord& record() const { return record_; }
  const CollectionOptions& options() const { return record_.options; }

  // Makes the version current from `sequence` on; gives the version before it, or null.
  std::shared_ptr<const DocumentEntry> Add(const VersionData& version, uint64_t sequence);
  // Gives the removed version, or null.
  std::shared_ptr<const DocumentEntry> Remove(const std::string& document_id, uint64_t sequence);
  // The collection was deleted: writes that are still under way fail.
  void Drop() { dropped_.store(true); }
  bool dropped() const { return dropped_.load(); }

  std::shared_ptr<const DocumentEntry> Find(const std::string& document_id) const;
  // Current documents in order of URI, from the first URI that is not before `from`, until `visit` returns false.
  // `visit` runs under the lock: it must be quick and call nothing of this object.
  void ForEach(const std::string& from,
               const std::function<bool(const std::shared_ptr<const DocumentEntry>&)>& visit) const;

  // What is stored of the collection but not served.
  DamagedDocuments& damaged() { return damaged_; }
  const DamagedDocuments& damaged() const { return damaged_; }

  View Read(uint64_t epoch) const;
  Counts counts() const;
  uint64_t last_sequence() const { return last_sequence_.load(); }
  void set_last_sequence(uint64_t sequence) { last_sequence_.store(sequence); }

  // `snapshot_sequence`: what the graph's file covers; 0: it has none.
  void SetGraph(std::shared_ptr<const HnswGraph> graph, uint64_t snapshot_sequence);
  // Loader only, before anything else is added at these slots.
  void AddHollow(uint32_t chunks);

  // Copies what is not dead at `reclaimable` (epochs.h). On any thread; writers go on.
  Compacted Compact(const View& view, uint64_t reclaimable) const;
  // By the committer's thread: takes the new indexes, after catching up with what was written since they were begun.
  // `graph`: over the first slots of the new table, or null.
  void Adopt(Compacted compacted, std::shared_ptr<const HnswGraph> graph, uint64_t snapshot_sequence,
             uint64_t reclaimable);
  void SetVectorStatus(IndexStatus::State state, std::string detail);
  // Fills kind, index states and memory.
  void Describe(CollectionInfo* info) const;

 private:
  struct Place {
    std::shared_ptr<const DocumentEntry> document;
    uint32_t first_slot = 0;
  };
  std::shared_ptr<const DocumentEntry> Retire(const std::string& document_id, uint64_t sequence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const CollectionRecord record_;
  std::atomic<bool> dropped_{false};
  std::atomic<uint64_t> last_sequence_{0};
  DamagedDocuments damaged_;

  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, Place> documents_ ABSL_GUARDED_BY(mu_);  // by id
  absl::btree_map<std::string, std::shared_ptr<const DocumentEntry>> uris_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<SlotTable> slots_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<KeywordIndex> keywords_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const HnswGraph> graph_ ABSL_GUARDED_BY(mu_);
  uint64_t snapshot_sequence_ ABSL_GUARDED_BY(mu_) = 0;
  Counts counts_ ABSL_GUARDED_BY(mu_);
  uint64_t generation_ ABSL_GUARDED_BY(mu_);
  IndexStatus::State state_ ABSL_GUARDED_BY(mu_) = IndexStatus::State::kReady;
  std::string detail_ ABSL_GUARDED_BY(mu_);
};

}  // namespace precis::index
