// The retriever's RocksDB: column families, error sentences, the few access patterns that the index has. The WAL is
// always on; what must survive a power loss is written with Commit, which syncs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"

namespace precis::index {

enum class Family {
  kMeta,         // "format", "boot", "sequence", "collection_sequence/" + uid
  kCollections,  // uid -> CollectionRecord
  kDocuments,    // uid, document id -> DocumentRecord: which version is current
  kVersions,     // version prefix -> empty: written before anything else of a version, so that a sweep finds it
  kTexts,        // version prefix, part -> kTextPartBytes of the stored text, the last part shorter
  kSourceMaps,   // version prefix, part -> parts of the serialised SourceMap
  kChunks,       // version prefix, ordinal -> ChunkRecord
  kVectors,      // version prefix, ordinal -> floats
  kTerms,        // version prefix, ordinal -> TermsRecord
  kOutbox,       // epoch -> OutboxRecord
  kConsumers,    // name -> epoch acknowledged
};
inline constexpr int kFamilies = static_cast<int>(Family::kConsumers) + 1;

// Small enough that reading a chunk's text reads little else.
inline constexpr int64_t kTextPartBytes = 32 << 10;
// A version is written in batches of at most about this size: RocksDB holds a batch in memory three times.
inline constexpr size_t kMaxBatchBytes = 8 << 20;

// Writes are refused while the disk still has this much: RocksDB needs it to flush and compact, and 7.8.3 was seen to
// lose a file that its manifest names when a disk filled up under it. What removes or is small may take some of it.
inline constexpr int64_t kReserveForData = 192 << 20;
inline constexpr int64_t kReserveForRemovals = 96 << 20;

// Thread-safe.
class Store {
 public:
  // FailedPrecondition: the folder is in use, or was written by a newer program.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& data_dir);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  rocksdb::ColumnFamilyHandle* family(Family family) const { return families_[static_cast<size_t>(family)]; }

  // NotFound where there is no such key.
  absl::StatusOr<std::string> Get(Family family, std::string_view key) const;
  // Calls `visit` for each key in [begin, end) (empty end: to the last) until it returns an error, which is returned,
  // or Cancelled, which ends the scan well.
  absl::Status Scan(Family family, std::string_view begin, std::string_view end, bool values,
                    const std::function<absl::Status(std::string_view key, std::string_view value)>& visit) const;

  // Written, not synced: survives a kill; a power loss may take it until the next Commit. ResourceExhausted when the
  // disk has less than `reserve` bytes left.
  absl::Status Write(rocksdb::WriteBatch* batch, int64_t reserve = kReserveForData);
  // Written and synced, with everything before it.
  absl::Status Commit(rocksdb::WriteBatch* batch);

  // A number that no earlier call on this folder gave, also before a crash.
  uint64_t NextUnique() { return unique_.fetch_add(1); }
  // Raised by every Open.
  uint64_t boot() const { return boot_; }

  int64_t DiskBytes() const;
  // Approximate size on disk of a collection.
  int64_t CollectionBytes(uint64_t uid) const;
  const std::string& path() const { return path_; }

 private:
  explicit Store(std::string path) : path_(std::move(path)) {}
  absl::Status WriteWith(rocksdb::WriteBatch* batch, bool sync, int64_t reserve);
  absl::Status ToStatus(const rocksdb::Status& status, const char* what) const;
  absl::Status CheckFormatAndCountBoot();

  std::string path_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  uint64_t boot_ = 0;
  std::atomic<uint64_t> unique_{0};
};

// The text parts that hold `range`, joined and cut to it. DataLoss when one is missing.
absl::StatusOr<std::string> ReadParts(const Store& store, Family family, std::string_view version_prefix, int64_t begin,
                                      int64_t end);

}  // namespace precis::index
