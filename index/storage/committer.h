// The one place where mutations become durable and visible, in one order.
//
// Callers queue up; the first one commits for all that wait (group commit): one batch, one sync. Then the changes are
// applied to memory in the order of their sequence numbers, the last number is published, and the callers return.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "storage/epochs.h"
#include "storage/store.h"

namespace precis::index {

struct Mutation {
  // What it changes (a document's id). Two mutations of one subject never share a group, since the second one must see
  // what the first one did. Empty: it changes more, and goes alone.
  std::string subject;
  // Checks what must hold now and fills the batch; gives the last sequence number that it takes, `first` or later (each
  // erasure has its own). An error ends this mutation alone.
  std::function<absl::StatusOr<uint64_t>(uint64_t first, rocksdb::WriteBatch* batch)> prepare;
  // Changes memory after the batch is durable, as of the last number. Cannot fail. May be empty.
  std::function<void(uint64_t last)> apply;
};

// Thread-safe. `prepare` and `apply` run on some caller's thread, one at a time.
class Committer {
 public:
  // `last`: the sequence number that the store holds.
  Committer(Store* store, Epochs* epochs, uint64_t last) : store_(store), epochs_(epochs), next_(last + 1) {}

  // Returns when the mutation is durable and visible: its last sequence number.
  absl::StatusOr<uint64_t> Commit(Mutation mutation);

 private:
  struct Waiter {
    Mutation mutation;
    absl::Status status;
    uint64_t sequence = 0;
    bool done = false;
  };
  std::deque<Waiter*> TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CommitGroup(const std::deque<Waiter*>& group);

  Store* store_;
  Epochs* epochs_;
  absl::Mutex mu_;
  absl::CondVar changed_;
  std::deque<Waiter*> queue_ ABSL_GUARDED_BY(mu_);
  bool committing_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t next_;  // only the committing caller touches it
};

}  // namespace precis::index
