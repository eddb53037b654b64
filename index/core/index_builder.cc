#include "core/index_builder.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::index {
namespace {

// Below this an exact search is as fast as a graph.
constexpr int64_t kSmallestGraph = 1024;
// Fewer dead slots than this are not worth a copy of the living.
constexpr int64_t kLeastDead = 4096;

}  // namespace

IndexBuilder::IndexBuilder(IndexBuilderOptions options, Epochs* epochs, Committer* committer)
    : options_(std::move(options)), epochs_(epochs), committer_(committer), thread_([this] { Run(); }) {}

IndexBuilder::~IndexBuilder() {
  stop_.store(true);
  {
    absl::MutexLock lock(&mu_);
    changed_.SignalAll();
  }
  thread_.join();
}

std::string IndexBuilder::SnapshotPath(uint64_t uid) const {
  return (std::filesystem::path(options_.folder) / absl::StrCat(absl::Hex(uid), ".graph")).string();
}

GraphIdentity IndexBuilder::IdentityOf(const CollectionState& collection) {
  const CollectionRecord& record = collection.record();
  return {record.uid, record.encoder_fingerprint, record.dimensions, static_cast<int>(record.options.metric)};
}

IndexBuilder::Work IndexBuilder::Due(const CollectionState& collection) const {
  Work work;
  if (collection.dropped()) return work;
  const CollectionState::View view = collection.Read(epochs_->published());
  const int64_t slots = view.slots.size(), live = view.statistics.chunks;
  work.compact = slots - live > std::max(kLeastDead, live);
  const VectorIndexKind kind = collection.options().vector_index;
  const int64_t least =
      kind == VectorIndexKind::kHnsw ? kSmallestGraph : std::max(options_.flat_limit + 1, kSmallestGraph);
  if (kind == VectorIndexKind::kFlat || live < least) return work;
  const int64_t linked = view.graph ? view.graph->size() : 0;
  // What came after the graph is searched exactly: up to a quarter more, so that the work of all rebuilds together
  // stays linear in the final size.
  work.graph = view.graph == nullptr || work.compact || slots - linked > std::max(options_.snapshot_every, linked / 4);
  return work;
}

void IndexBuilder::Consider(const std::shared_ptr<CollectionState>& collection) {
  const Work work = Due(*collection);
  if (!work.graph && !work.compact) return;
  absl::MutexLock lock(&mu_);
  if (std::find(queue_.begin(), queue_.end(), collection) != queue_.end()) return;
  queue_.push_back(collection);
  changed_.SignalAll();
}

void IndexBuilder::Drain() {
  absl::MutexLock lock(&mu_);
  while (!queue_.empty()) changed_.Wait(&mu_);
}

absl::Status IndexBuilder::Build(const std::shared_ptr<CollectionState>& collection, const Work& work) {
  const uint64_t reclaimable = epochs_->Reclaimable();
  const uint64_t epoch = epochs_->published();
  const CollectionState::View view = collection->Read(epoch);
  CollectionState::Compacted compacted;
  SlotView slots = view.slots;
  if (work.compact) {
    compacted = collection->Compact(view, reclaimable);
    slots = compacted.slots->View(epoch);
  }
  std::shared_ptr<const HnswGraph> graph;
  uint64_t snapshot_sequence = 0;
  if (work.graph) {
    PRECIS_ASSIGN_OR_RETURN(graph, HnswGraph::Build(slots, collection->options().metric, {}, stop_));
    // A snapshot that cannot be written costs the next start some time, nothing else.
    const GraphSnapshot snapshot{IdentityOf(*collection), epoch, RunsOf(slots), graph->Serialize()};
    if (WriteGraphSnapshot(SnapshotPath(snapshot.identity.uid), snapshot).ok()) snapshot_sequence = epoch;
  }
  if (!work.compact) {
    collection->SetGraph(std::move(graph), snapshot_sequence);
    return absl::OkStatus();
  }
  // Among the writers, so that none of them comes between the catching up and the swap.
  Mutation swap;
  swap.prepare = [](uint64_t first, rocksdb::WriteBatch*) -> absl::StatusOr<uint64_t> { return first; };
  swap.apply = [&](uint64_t) {
    collection->Adopt(std::move(compacted), std::move(graph), snapshot_sequence, reclaimable);
  };
  return committer_->Commit(std::move(swap)).status();
}

void IndexBuilder::Run() {
  absl::MutexLock lock(&mu_);
  while (!stop_.load()) {
    if (queue_.empty()) {
      changed_.Wait(&mu_);
      continue;
    }
    const std::shared_ptr<CollectionState> collection = queue_.front();
    mu_.Unlock();
    for (Work work = Due(*collection); (work.graph || work.compact) && !stop_.load(); work = Due(*collection)) {
      if (work.graph) {
        collection->SetVectorStatus(
            IndexStatus::State::kBuilding,
            absl::StrCat("the graph of collection '", collection->options().name,
                         "' is being built; until it is there search compares what it lacks exactly"));
      }
      const absl::Status status = Build(collection, work);
      if (status.ok()) {
        collection->SetVectorStatus(IndexStatus::State::kReady, "");
        continue;
      }
      if (!absl::IsCancelled(status)) {
        collection->SetVectorStatus(IndexStatus::State::kQuarantined,
                                    absl::StrCat(std::string(status.message()), "; search stays exact"));
      }
      break;
    }
    mu_.Lock();
    queue_.pop_front();
    changed_.SignalAll();
  }
}

}  // namespace precis::index
