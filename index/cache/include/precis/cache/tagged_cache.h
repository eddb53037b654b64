// A persistent cache whose values can be erased by the documents that they were made from (design.md, Erasure).
//
// One RocksDB a cache. Holds nothing that cannot be computed again, but an erasure is as durable as a document: once
// Erase() returns, the values are gone, also after a crash, and a Put that was computed from the text before the delete
// is refused for ever.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace precis::cache {

// A document that a value was made from, and the delete epoch (sequence number) at which its text was read.
struct Owner {
  std::string tenant;
  std::string document_id;
  uint64_t read_epoch = 0;
};

struct Erasure {
  std::string tenant;
  std::string document_id;
  uint64_t delete_epoch = 0;
};

struct CacheOptions {
  std::string path;                      // folder, created if missing; one process at a time
  int64_t max_bytes = int64_t{1} << 30;  // >= 1, of keys and values; the least recently stored go first
  // With less left on the folder's disk nothing is stored: the rest is for the index, which needs some to delete.
  int64_t min_free_bytes = int64_t{256} << 20;
};

struct CacheStats {
  int64_t entries = 0, bytes = 0;
  int64_t hits = 0, misses = 0, stored = 0, refused = 0, erased = 0, evicted = 0;  // since Open
};

// Thread-safe.
class TaggedCache {
 public:
  // A damaged store is set aside as "<path>/db.damaged-N" and the cache starts empty, since nothing in it is truth. Its
  // delete epochs are lost with it; their maximum is kept apart, and from then on a Put is refused for every document
  // that was read before that epoch, deleted or not (README.md, "What is lost with a damaged store").
  // Errors: FailedPrecondition (another process has the folder), InvalidArgument (options), PermissionDenied,
  // ResourceExhausted (disk full).
  static absl::StatusOr<std::unique_ptr<TaggedCache>> Open(CacheOptions options);
  virtual ~TaggedCache() = default;

  // The value, or nothing. A value that fails its checksum is dropped and counts as a miss.
  virtual std::optional<std::string> Get(std::string_view key) = 0;

  // Stores a value made from `owners` (none: made from no document). Returns false when an owner was deleted after its
  // read_epoch, when the entry alone exceeds max_bytes, or when the disk has less than min_free_bytes left: nothing is
  // stored. Errors: ResourceExhausted (disk full), Internal.
  virtual absl::StatusOr<bool> Put(std::string_view key, std::string_view value, std::span<const Owner> owners) = 0;

  // Drops everything made from these documents as read before their delete_epoch. Durable and synced on return; the
  // number of dropped values. Stores that were set aside are removed too: they may hold what is erased. Repeating a
  // call is safe. Errors: ResourceExhausted (disk full), Internal; then nothing is promised and the call must be
  // repeated.
  virtual absl::StatusOr<int64_t> Erase(std::span<const Erasure> erasures) = 0;
  // The highest delete_epoch erased so far.
  virtual uint64_t erased_epoch() const = 0;

  // Rewrites the files, so that no byte of what was erased or evicted is left in them. Blocks for as long as the disk
  // takes to write the cache once. Errors: as Erase.
  virtual absl::Status Compact() = 0;

  virtual CacheStats stats() const = 0;
};

}  // namespace precis::cache
