// The erasure outbox (design.md, Erasure): what caches have still to drop.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "precis/index/types.h"
#include "storage/store.h"

namespace precis::index {

// Thread-safe.
class Outbox {
 public:
  explicit Outbox(Store* store) : store_(store) {}
  absl::Status Load();

  // Adds a record to a mutation's batch. Each record has an epoch of its own, so that an acknowledgement can stand
  // between any two of them.
  void Add(uint64_t epoch, const std::string& tenant, const std::string& document_id, rocksdb::WriteBatch* batch) const;

  absl::StatusOr<std::vector<ErasureRecord>> Pending(const std::string& consumer, int limit);
  absl::Status Acknowledge(const std::string& consumer, uint64_t up_to_epoch, uint64_t newest_epoch);
  absl::StatusOr<bool> ErasedUpTo(uint64_t epoch) const;
  // Records that some known consumer has not acknowledged; 0 while none is known.
  absl::StatusOr<int64_t> CountPending() const;

 private:
  // The first epoch that some known consumer has not acknowledged; 0: there is none.
  uint64_t FirstPending() const;
  absl::Status Know(const std::string& consumer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Store* store_;
  mutable absl::Mutex mu_;
  std::map<std::string, uint64_t> acknowledged_ ABSL_GUARDED_BY(mu_);  // by consumer
};

}  // namespace precis::index
