#include "core/graph_builder.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace precis::index {
namespace {

// Below this an exact search is as fast as a graph.
constexpr int64_t kSmallestGraph = 1024;

}  // namespace

GraphBuilder::GraphBuilder(Epochs* epochs, int64_t flat_limit)
    : epochs_(epochs), flat_limit_(flat_limit), thread_([this] { Run(); }) {}

GraphBuilder::~GraphBuilder() {
  stop_.store(true);
  {
    absl::MutexLock lock(&mu_);
    changed_.SignalAll();
  }
  thread_.join();
}

bool GraphBuilder::Due(const CollectionState& collection) const {
  const VectorIndexKind kind = collection.options().vector_index;
  if (kind == VectorIndexKind::kFlat || collection.dropped()) return false;
  const CollectionState::View view = collection.Read(epochs_->published());
  const int64_t least = kind == VectorIndexKind::kHnsw ? kSmallestGraph : std::max(flat_limit_ + 1, kSmallestGraph);
  if (view.statistics.chunks < least) return false;
  if (view.graph == nullptr) return true;
  // What came after the graph is searched exactly: up to a quarter more, so that the work of all rebuilds together
  // stays linear in the final size.
  const int64_t linked = view.graph->size();
  return view.slots.size() - linked > std::max(kSmallestGraph, linked / 4);
}

void GraphBuilder::Consider(const std::shared_ptr<CollectionState>& collection) {
  if (!Due(*collection)) return;
  absl::MutexLock lock(&mu_);
  if (std::find(queue_.begin(), queue_.end(), collection) != queue_.end()) return;
  queue_.push_back(collection);
  changed_.SignalAll();
}

void GraphBuilder::DrainForTest() {
  absl::MutexLock lock(&mu_);
  while (!queue_.empty()) changed_.Wait(&mu_);
}

void GraphBuilder::Run() {
  absl::MutexLock lock(&mu_);
  while (!stop_.load()) {
    if (queue_.empty()) {
      changed_.Wait(&mu_);
      continue;
    }
    const std::shared_ptr<CollectionState> collection = queue_.front();
    mu_.Unlock();
    if (Due(*collection)) {
      const CollectionState::View view = collection->Read(epochs_->published());
      collection->SetVectorStatus(IndexStatus::State::kBuilding,
                                  absl::StrCat("the graph over ", static_cast<int64_t>(view.slots.size()),
                                               " vectors of collection '", collection->options().name,
                                               "' is being built; until then search compares what it lacks exactly"));
      auto graph = HnswGraph::Build(view.slots, collection->options().metric, {}, stop_);
      if (graph.ok()) {
        collection->SetGraph(*std::move(graph));
        collection->SetVectorStatus(IndexStatus::State::kReady, "");
      } else if (!absl::IsCancelled(graph.status())) {
        collection->SetVectorStatus(
            IndexStatus::State::kQuarantined,
            absl::StrCat(std::string(graph.status().message()), "; search stays exact"));
      }
    }
    mu_.Lock();
    queue_.pop_front();
    changed_.SignalAll();
  }
}

}  // namespace precis::index
