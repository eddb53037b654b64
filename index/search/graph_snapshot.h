// A graph on disk: one file a collection, replaced whole. Links and the names of the versions that its nodes belong to;
// no vectors, which RocksDB has. A graph only proposes candidates, whose similarities are computed anew: a wrong one
// could cost recall, never a wrong text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "search/slot_table.h"

namespace precis::index {

// What the file must be of: else it is another collection's or another model's.
struct GraphIdentity {
  uint64_t uid = 0;
  std::string encoder_fingerprint;
  int dimensions = 0;
  int metric = 0;
  friend bool operator==(const GraphIdentity&, const GraphIdentity&) = default;
};

// Consecutive slots of one version.
struct GraphRun {
  std::string version_prefix;
  uint32_t chunks = 0;
};

struct GraphSnapshot {
  GraphIdentity identity;
  uint64_t sequence = 0;  // of the last write that the graph covers
  std::vector<GraphRun> runs;
  std::string links;  // HnswGraph::Serialize
  uint32_t slots() const;
};

// The runs of the view's slots.
std::vector<GraphRun> RunsOf(const SlotView& view);

// Written beside, synced, renamed, folder synced. A SHA-256 of all the rest ends the file.
absl::Status WriteGraphSnapshot(const std::string& path, const GraphSnapshot& snapshot);
// NotFound where there is none; DataLoss (damaged), FailedPrecondition (foreign, or of a newer program).
absl::StatusOr<GraphSnapshot> ReadGraphSnapshot(const std::string& path, const GraphIdentity& identity);

}  // namespace precis::index
