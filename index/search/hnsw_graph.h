// A navigable small world graph over the first slots of a table (Malkov and Yashunin, arXiv 1603.09320). FAISS builds
// it with our distances and without a copy of the vectors; the search is our own: FAISS 1.7.3 ignores efSearch per
// query, cannot filter well and cannot be cancelled.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/index/types.h"
#include "search/selection.h"
#include "search/top_k.h"
#include "search/vector_search.h"

namespace precis::index {

struct HnswParameters {
  int links = 16;           // a node's neighbours on the upper levels; twice as many on the lowest
  int build_breadth = 100;  // efConstruction
};

// Immutable: thread-safe.
class HnswGraph {
 public:
  // Links the slots of the view, dead ones too. Runs one thread; the same vectors give the same graph. `stop` ends it
  // early with Cancelled.
  static absl::StatusOr<std::shared_ptr<const HnswGraph>> Build(const SlotView& view, Metric metric,
                                                                const HnswParameters& parameters,
                                                                const std::atomic<bool>& stop);
  // A graph from its bytes. `hollow[slot]`: the slot's vector is gone, with its document; the walk goes through it as
  // if it stood where it was come from. Every link is checked: DataLoss on bytes that Serialize did not write.
  static absl::StatusOr<std::shared_ptr<const HnswGraph>> Parse(std::string_view bytes, Metric metric,
                                                                std::vector<bool> hollow);
  // Links only, no vectors.
  virtual std::string Serialize() const = 0;
  virtual ~HnswGraph() = default;

  // Adds slots of the selection to `best`, near ones first; dead and filtered slots are walked over, not returned.
  // `breadth` (ef): how many admitted slots are kept while walking; the more, the better the recall. The selection's
  // view may hold more slots than the graph. Cancelled, DeadlineExceeded.
  virtual absl::Status Search(const QueryVector& query, const Selection& selection, size_t breadth,
                              const CallContext& call, TopK* best) const = 0;

  virtual uint32_t size() const = 0;  // slots
  virtual int64_t MemoryBytes() const = 0;
};

}  // namespace precis::index
