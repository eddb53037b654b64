#include "search/hnsw_graph.h"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "faiss/IndexHNSW.h"
#include "faiss/impl/DistanceComputer.h"
#include "precis/base/status_macros.h"
#include "storage/codec.h"

namespace precis::index {
namespace {

constexpr uint8_t kGraphFormat = 1;

// FAISS orders by increasing distance, we by decreasing similarity.
class SlotDistance : public faiss::DistanceComputer {
 public:
  SlotDistance(const SlotView& view, Metric metric) : view_(view), metric_(metric) {}
  void set_query(const float* query) override { query_ = query; }
  float operator()(idx_t slot) override { return Distance(query_, static_cast<uint32_t>(slot)); }
  float symmetric_dis(idx_t a, idx_t b) override {
    return Distance(view_.vector(static_cast<uint32_t>(a)), static_cast<uint32_t>(b));
  }

 private:
  float Distance(const float* query, uint32_t slot) const {
    float similarity = 0;
    Similarities(metric_, query, view_.vector(slot), view_.stride(), 1, &similarity);
    return -similarity;
  }
  const SlotView& view_;
  Metric metric_;
  const float* query_ = nullptr;
};

// Vectors stay where they are: FAISS gets distances only.
class SlotStorage : public faiss::Index {
 public:
  SlotStorage(const SlotView& view, Metric metric)
      : faiss::Index(static_cast<idx_t>(view.stride()), faiss::METRIC_L2), view_(view), metric_(metric) {}
  void add(idx_t n, const float*) override { ntotal += n; }
  void search(idx_t, const float*, idx_t, float*, idx_t*, const faiss::SearchParameters*) const override {}
  void reset() override { ntotal = 0; }
  faiss::DistanceComputer* get_distance_computer() const override { return new SlotDistance(view_, metric_); }

 private:
  const SlotView& view_;
  Metric metric_;
};

// Marks visited nodes; clearing it costs nothing but once in 2^32 searches.
struct Visited {
  std::vector<uint32_t> marks;
  uint32_t mark = 0;
  void Begin(size_t nodes) {
    if (marks.size() < nodes) marks.resize(nodes, 0);
    if (++mark == 0) {
      std::fill(marks.begin(), marks.end(), 0);
      mark = 1;
    }
  }
  bool Enter(uint32_t node) { return std::exchange(marks[node], mark) != mark; }
};

struct Node {
  float similarity;
  uint32_t slot;
};
struct Nearer {
  bool operator()(const Node& a, const Node& b) const { return a.similarity < b.similarity; }
};
struct Farther {
  bool operator()(const Node& a, const Node& b) const { return a.similarity > b.similarity; }
};

class FaissGraph : public HnswGraph {
 public:
  FaissGraph(faiss::HNSW graph, Metric metric, uint32_t size, std::vector<bool> hollow)
      : graph_(std::move(graph)), metric_(metric), size_(size), hollow_(std::move(hollow)) {}

  absl::Status Search(const QueryVector& query, const Selection& selection, size_t breadth, const CallContext& call,
                      TopK* best) const override;
  std::string Serialize() const override;
  uint32_t size() const override { return size_; }
  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(graph_.neighbors.size() * sizeof(graph_.neighbors[0]) +
                                graph_.offsets.size() * sizeof(graph_.offsets[0]) +
                                graph_.levels.size() * sizeof(graph_.levels[0]));
  }

 private:
  // `from`: the similarity of the node that led here.
  float Similarity(const QueryVector& query, const SlotView& view, uint32_t slot, float from) const {
    if (!hollow_.empty() && hollow_[slot]) return from;
    float similarity = 0;
    Similarities(metric_, query.data(), view.vector(slot), view.stride(), 1, &similarity);
    return similarity;
  }
  template <typename Visit>
  void ForNeighbours(uint32_t slot, int level, const Visit& visit) const {
    size_t begin = 0, end = 0;
    graph_.neighbor_range(slot, level, &begin, &end);
    for (size_t i = begin; i < end && graph_.neighbors[i] >= 0; ++i) visit(static_cast<uint32_t>(graph_.neighbors[i]));
  }

  faiss::HNSW graph_;
  Metric metric_;
  uint32_t size_;
  std::vector<bool> hollow_;  // empty: none
};

absl::Status FaissGraph::Search(const QueryVector& query, const Selection& selection, size_t breadth,
                                const CallContext& call, TopK* best) const {
  if (graph_.entry_point < 0) return absl::OkStatus();
  const SlotView& view = selection.view();
  auto nearest = static_cast<uint32_t>(graph_.entry_point);
  float similarity = Similarity(query, view, nearest, -std::numeric_limits<float>::infinity());
  for (int level = graph_.max_level; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      ForNeighbours(nearest, level, [&](uint32_t slot) {
        const float other = Similarity(query, view, slot, similarity);
        if (other > similarity) {
          similarity = other;
          nearest = slot;
          moved = true;
        }
      });
    }
  }

  static thread_local Visited visited;
  visited.Begin(size_);
  visited.Enter(nearest);
  std::priority_queue<Node, std::vector<Node>, Nearer> open;
  std::priority_queue<Node, std::vector<Node>, Farther> kept;  // admitted, the worst on top
  open.push({similarity, nearest});
  if (selection.Contains(nearest)) kept.push({similarity, nearest});
  for (int steps = 1; !open.empty(); ++steps) {
    if (steps % 256 == 0) PRECIS_RETURN_IF_ERROR(call.Check());
    const Node node = open.top();
    if (kept.size() >= breadth && node.similarity < kept.top().similarity) break;
    open.pop();
    ForNeighbours(node.slot, 0, [&](uint32_t slot) {
      if (!visited.Enter(slot)) return;
      const float other = Similarity(query, view, slot, node.similarity);
      if (kept.size() >= breadth && other < kept.top().similarity) return;
      open.push({other, slot});
      if (!selection.Contains(slot)) return;
      kept.push({other, slot});
      if (kept.size() > breadth) kept.pop();
    });
  }
  for (; !kept.empty(); kept.pop()) best->Add({kept.top().similarity, kept.top().slot});
  return absl::OkStatus();
}

template <typename T>
void EncodeArray(const std::vector<T>& values, Encoder* out) {
  out->Varint(values.size());
  out->Raw({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

template <typename T>
std::vector<T> DecodeArray(Decoder* in) {
  const uint64_t count = in->Count(sizeof(T));
  const std::string_view raw = in->Raw(count * sizeof(T));
  std::vector<T> values(raw.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

std::string FaissGraph::Serialize() const {
  Encoder out;
  out.Byte(kGraphFormat).Signed(graph_.entry_point).Signed(graph_.max_level);
  EncodeArray(graph_.cum_nneighbor_per_level, &out);
  EncodeArray(graph_.levels, &out);
  EncodeArray(graph_.neighbors, &out);
  return out.Take();
}

// Whether the arrays can be walked without leaving them. Fills the offsets, which follow from the levels.
bool CheckAndFillOffsets(faiss::HNSW* graph) {
  const auto& sums = graph->cum_nneighbor_per_level;
  if (sums.empty() || sums[0] != 0 || !std::is_sorted(sums.begin(), sums.end())) return false;
  const auto nodes = static_cast<int64_t>(graph->levels.size());
  if (graph->entry_point < -1 || graph->entry_point >= nodes || (graph->entry_point < 0) != (nodes == 0)) return false;
  graph->offsets.assign(1, 0);
  for (int level : graph->levels) {
    if (level < 1 || level >= static_cast<int>(sums.size())) return false;
    graph->offsets.push_back(graph->offsets.back() + static_cast<size_t>(sums[static_cast<size_t>(level)]));
  }
  if (graph->offsets.back() != graph->neighbors.size()) return false;
  if (nodes > 0 && graph->max_level != graph->levels[static_cast<size_t>(graph->entry_point)] - 1) return false;
  // A neighbour on a level must reach that level itself.
  for (int64_t node = 0; node < nodes; ++node) {
    for (int level = 0; level < graph->levels[static_cast<size_t>(node)]; ++level) {
      size_t begin = 0, end = 0;
      graph->neighbor_range(node, level, &begin, &end);
      for (size_t i = begin; i < end; ++i) {
        const int neighbour = graph->neighbors[i];
        if (neighbour < -1 || neighbour >= nodes) return false;
        if (neighbour >= 0 && graph->levels[static_cast<size_t>(neighbour)] <= level) return false;
      }
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const HnswGraph>> HnswGraph::Parse(std::string_view bytes, Metric metric,
                                                                  std::vector<bool> hollow) {
  Decoder in(bytes);
  faiss::HNSW graph;
  const uint8_t format = in.Byte();
  graph.entry_point = static_cast<int>(in.Signed());
  graph.max_level = static_cast<int>(in.Signed());
  graph.cum_nneighbor_per_level = DecodeArray<int>(&in);
  graph.levels = DecodeArray<int>(&in);
  graph.neighbors = DecodeArray<faiss::HNSW::storage_idx_t>(&in);
  if (!in.Finished() || format != kGraphFormat || graph.levels.size() != hollow.size() ||
      !CheckAndFillOffsets(&graph)) {
    return absl::DataLossError("the links of a stored graph are damaged");
  }
  const auto size = static_cast<uint32_t>(graph.levels.size());
  if (std::find(hollow.begin(), hollow.end(), true) == hollow.end()) hollow.clear();
  return std::make_shared<FaissGraph>(std::move(graph), metric, size, std::move(hollow));
}

absl::StatusOr<std::shared_ptr<const HnswGraph>> HnswGraph::Build(const SlotView& view, Metric metric,
                                                                  const HnswParameters& parameters,
                                                                  const std::atomic<bool>& stop) {
  try {
    omp_set_num_threads(1);  // of this thread only: serving threads need the other cores
    SlotStorage storage(view, metric);
    faiss::IndexHNSW index(&storage, parameters.links);
    index.own_fields = false;
    index.hnsw.efConstruction = parameters.build_breadth;
    for (uint32_t slot = 0; slot < view.size(); slot += kBlockSlots) {
      if (stop.load()) return absl::CancelledError("the graph's construction was stopped");
      const uint32_t count = std::min(kBlockSlots, view.size() - slot);
      index.add(count, view.vector(slot));
    }
    return std::make_shared<FaissGraph>(std::move(index.hnsw), metric, view.size(), std::vector<bool>());
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the vector graph could not be built: ", error.what()));
  }
}

}  // namespace precis::index
