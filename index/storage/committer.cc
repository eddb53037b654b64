#include "storage/committer.h"

#include <set>
#include <utility>

#include "storage/keys.h"

namespace precis::index {
namespace {

// More would make the first of a group wait long for the last one's memory work.
constexpr size_t kMaxGroup = 64;

}  // namespace

absl::StatusOr<uint64_t> Committer::Commit(Mutation mutation) {
  Waiter self{std::move(mutation)};
  mu_.Lock();
  queue_.push_back(&self);
  while (!self.done && committing_) changed_.Wait(&mu_);
  if (!self.done) {
    // Nobody commits and this call still waits in the queue: it commits for all that wait, itself among them or not.
    committing_ = true;
    while (!self.done) {
      const std::deque<Waiter*> group = TakeGroup();
      mu_.Unlock();
      CommitGroup(group);
      mu_.Lock();
      for (Waiter* waiter : group) waiter->done = true;
      changed_.SignalAll();
    }
    committing_ = false;
    changed_.SignalAll();
  }
  mu_.Unlock();
  if (!self.status.ok()) return self.status;
  return self.sequence;
}

std::deque<Committer::Waiter*> Committer::TakeGroup() {
  std::deque<Waiter*> group;
  std::set<std::string> subjects;
  while (!queue_.empty() && group.size() < kMaxGroup) {
    Waiter* next = queue_.front();
    const bool alone = next->mutation.subject.empty();
    if (!group.empty() && (alone || !subjects.insert(next->mutation.subject).second)) break;
    if (group.empty()) subjects.insert(next->mutation.subject);
    group.push_back(next);
    queue_.pop_front();
    if (alone) break;
  }
  return group;
}

void Committer::CommitGroup(const std::deque<Waiter*>& group) {
  rocksdb::WriteBatch batch;
  uint64_t last = 0;
  for (Waiter* waiter : group) {
    batch.SetSavePoint();
    const absl::StatusOr<uint64_t> taken = waiter->mutation.prepare(next_, &batch);
    waiter->status = taken.status();
    if (taken.ok()) {
      waiter->sequence = last = *taken;
      next_ = last + 1;
      (void)batch.PopSavePoint();
    } else {
      (void)batch.RollbackToSavePoint();
    }
  }
  if (last == 0) return;
  batch.Put(store_->family(Family::kMeta), "sequence", BigEndian64(last));
  // A number that failed is not given again: the write may be in the log although its sync failed.
  const absl::Status written = store_->Commit(&batch);
  for (Waiter* waiter : group) {
    if (!waiter->status.ok()) continue;
    waiter->status = written;
    if (written.ok() && waiter->mutation.apply) waiter->mutation.apply(waiter->sequence);
  }
  if (written.ok()) epochs_->Publish(last);
}

}  // namespace precis::index
