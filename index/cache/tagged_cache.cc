#include "precis/cache/tagged_cache.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cache_folder.h"
#include "cache_store.h"
#include "epoch_file.h"
#include "precis/base/status_macros.h"
#include "record.h"
#include "rocksdb/write_batch.h"

namespace precis::cache {
namespace {

namespace fs = std::filesystem;

// Of the family kMeta.
constexpr char kErasedEpochKey[] = "erased_epoch";  // highest delete epoch
constexpr char kFloorKey[] = "floor";               // reads before it are refused for every document

// The epoch of every delete is unknown until the next one tells how far the sequence has come.
constexpr uint64_t kUnknownFloor = UINT64_MAX;

std::string U64(uint64_t value) {
  std::string bytes;
  AppendU64(value, &bytes);
  return bytes;
}

class RocksCache final : public TaggedCache {
 public:
  explicit RocksCache(CacheOptions options, int lock_fd) : options_(std::move(options)), lock_fd_(lock_fd) {}
  ~RocksCache() override {
    {
      absl::MutexLock lock(&store_mu_);
      store_.reset();
    }
    ::close(lock_fd_);  // which also gives the lock back
  }

  absl::Status Load() {
    absl::MutexLock write(&write_mu_);
    const EpochFile acknowledged = ReadEpochFile(EpochPath());
    std::unique_ptr<Store> store;
    rocksdb::Status status = OpenStore(DbPath(), &store);
    if (!status.ok() && !IsDamage(status)) return ToStatus(status, options_.path);
    if (status.ok()) {
      {
        absl::MutexLock lock(&store_mu_);
        store_ = std::move(store);
      }
      status = ReadState();
      if (!status.ok() && !IsDamage(status)) return ToStatus(status, options_.path);
    }
    // A store that knows of fewer deletes than were acknowledged has lost writes (RocksDB drops what follows a bad
    // record of its log): values that were erased may be back in it.
    const bool lost = !acknowledged.damaged && erased_epoch_ < acknowledged.epoch;
    if (!status.ok() || lost) {
      return StartAfresh(acknowledged.damaged ? kUnknownFloor : acknowledged.epoch);
    }
    if (acknowledged.damaged || acknowledged.epoch < erased_epoch_) return WriteEpochFile(EpochPath(), erased_epoch_);
    return absl::OkStatus();
  }

  std::optional<std::string> Get(std::string_view key) override {
    std::string bytes;
    {
      absl::ReaderMutexLock lock(&store_mu_);
      const rocksdb::Status status = db().Get({}, family(kValues), std::string(key), &bytes);
      if (!status.ok()) {
        misses_.fetch_add(1, std::memory_order_relaxed);
        return std::nullopt;
      }
    }
    Record record;
    if (!DecodeRecord(key, bytes, &record)) {
      misses_.fetch_add(1, std::memory_order_relaxed);
      DropDamaged(std::string(key));
      return std::nullopt;
    }
    hits_.fetch_add(1, std::memory_order_relaxed);
    return std::string(record.value);
  }

  absl::StatusOr<bool> Put(std::string_view key_view, std::string_view value, std::span<const Owner> owners) override {
    const std::string key(key_view);
    // One writer at a time: between the look at the epochs and the write no Erase can come in.
    absl::MutexLock write(&write_mu_);
    absl::ReaderMutexLock lock(&store_mu_);
    for (const Owner& owner : owners) {
      uint64_t deleted = 0;
      PRECIS_RETURN_IF_ERROR(
          ToStatus(ReadNumber(kEpochs, OwnerKey(owner.tenant, owner.document_id), &deleted), options_.path));
      if (owner.read_epoch < std::max(deleted, floor_)) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
    }
    const std::string record = EncodeRecord(key, next_order_, owners, value);
    const int64_t size = static_cast<int64_t>(key.size() + record.size());
    if (size > options_.max_bytes || !DiskHasRoom()) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    rocksdb::WriteBatch batch;
    Removed removed;
    RemoveEntry(key, &batch, &removed);
    int64_t evicted = 0;
    EvictFor(size, key, &batch, &removed, &evicted);
    (void)batch.Put(family(kValues), key, record);
    (void)batch.Put(family(kOrder), OrderKey(next_order_), U64(static_cast<uint64_t>(size)) + key);
    for (const Owner& owner : owners) {
      (void)batch.Put(family(kOwners), OwnerKey(owner.tenant, owner.document_id) + key, "");
    }
    // Not synced: a value that a power loss takes is computed again. The log keeps its order with every later Erase.
    PRECIS_RETURN_IF_ERROR(ToStatus(db().Write({}, &batch), options_.path));
    ++next_order_;
    entries_.fetch_add(1 - removed.entries, std::memory_order_relaxed);
    bytes_.fetch_add(size - removed.bytes, std::memory_order_relaxed);
    stored_.fetch_add(1, std::memory_order_relaxed);
    evicted_.fetch_add(evicted, std::memory_order_relaxed);
    return true;
  }

  absl::StatusOr<int64_t> Erase(std::span<const Erasure> erasures) override {
    absl::MutexLock write(&write_mu_);
    uint64_t highest = erased_epoch_;
    for (const Erasure& erasure : erasures) highest = std::max(highest, erasure.delete_epoch);
    Removed removed;
    rocksdb::Status status;
    {
      absl::ReaderMutexLock lock(&store_mu_);
      status = EraseFromStore(erasures, highest, &removed);
    }
    if (IsDamage(status)) {
      // What cannot be found cannot be erased one by one: all goes.
      removed.entries = entries_.load(std::memory_order_relaxed);
      PRECIS_RETURN_IF_ERROR(StartAfresh(highest));
    } else {
      PRECIS_RETURN_IF_ERROR(ToStatus(status, options_.path));
      if (floor_ == kUnknownFloor && !erasures.empty()) floor_ = highest;  // as EraseFromStore wrote it
      entries_.fetch_sub(removed.entries, std::memory_order_relaxed);
      bytes_.fetch_sub(removed.bytes, std::memory_order_relaxed);
      if (highest > erased_epoch_) PRECIS_RETURN_IF_ERROR(WriteEpochFile(EpochPath(), highest));
    }
    erased_epoch_ = highest;
    published_epoch_.store(highest, std::memory_order_release);
    PRECIS_RETURN_IF_ERROR(RemoveSetAside(options_.path));
    erased_.fetch_add(removed.entries, std::memory_order_relaxed);
    return removed.entries;
  }

  uint64_t erased_epoch() const override { return published_epoch_.load(std::memory_order_acquire); }

  absl::Status Compact() override {
    absl::MutexLock write(&write_mu_);
    absl::ReaderMutexLock lock(&store_mu_);
    for (int i = 0; i < kFamilies; ++i) {
      rocksdb::CompactRangeOptions options;
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
      PRECIS_RETURN_IF_ERROR(
          ToStatus(db().CompactRange(options, family(static_cast<Family>(i)), nullptr, nullptr), options_.path));
    }
    PRECIS_RETURN_IF_ERROR(ToStatus(db().SyncWAL(), options_.path));
    return RemoveSetAside(options_.path);
  }

  CacheStats stats() const override {
    CacheStats stats;
    stats.entries = entries_.load(std::memory_order_relaxed);
    stats.bytes = bytes_.load(std::memory_order_relaxed);
    stats.hits = hits_.load(std::memory_order_relaxed);
    stats.misses = misses_.load(std::memory_order_relaxed);
    stats.stored = stored_.load(std::memory_order_relaxed);
    stats.refused = refused_.load(std::memory_order_relaxed);
    stats.erased = erased_.load(std::memory_order_relaxed);
    stats.evicted = evicted_.load(std::memory_order_relaxed);
    return stats;
  }

 private:
  struct Removed {
    int64_t entries = 0, bytes = 0;
  };

  // RocksDB 7.8 was seen to lose files when a disk filled up under it (index/storage/store.h).
  bool DiskHasRoom() const {
    std::error_code error;
    const fs::space_info space = fs::space(options_.path, error);
    return error || space.available >= static_cast<uintmax_t>(options_.min_free_bytes);
  }
  std::string DbPath() const { return options_.path + "/db"; }
  std::string EpochPath() const { return options_.path + "/erased_epoch"; }
  rocksdb::DB& db() const ABSL_SHARED_LOCKS_REQUIRED(store_mu_) { return *store_->db; }
  rocksdb::ColumnFamilyHandle* family(Family f) const ABSL_SHARED_LOCKS_REQUIRED(store_mu_) {
    return store_->families[f];
  }

  // 0 when there is none.
  rocksdb::Status ReadNumber(Family f, const std::string& key, uint64_t* number) const
      ABSL_SHARED_LOCKS_REQUIRED(store_mu_) {
    *number = 0;
    std::string bytes;
    const rocksdb::Status status = db().Get({}, family(f), key, &bytes);
    if (status.IsNotFound()) return rocksdb::Status::OK();
    if (!status.ok()) return status;
    std::string_view in = bytes;
    if (!ReadU64(&in, number) || !in.empty()) return rocksdb::Status::Corruption("a number has the wrong size");
    return status;
  }

  rocksdb::Status ReadState() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) {
    absl::ReaderMutexLock lock(&store_mu_);
    rocksdb::Status status = ReadNumber(kMeta, kErasedEpochKey, &erased_epoch_);
    if (status.ok()) status = ReadNumber(kMeta, kFloorKey, &floor_);
    if (!status.ok()) return status;
    published_epoch_.store(erased_epoch_, std::memory_order_release);
    int64_t entries = 0, bytes = 0;
    const std::unique_ptr<rocksdb::Iterator> it(db().NewIterator({}, family(kOrder)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      std::string_view value(it->value().data(), it->value().size());
      uint64_t size;
      if (it->key().size() != 8 || !ReadU64(&value, &size)) return rocksdb::Status::Corruption("a queue entry is bad");
      if (entries == 0) oldest_order_ = ParseOrderKey({it->key().data(), 8});
      next_order_ = ParseOrderKey({it->key().data(), 8}) + 1;
      ++entries;
      bytes += static_cast<int64_t>(size);
    }
    entries_.store(entries, std::memory_order_relaxed);
    bytes_.store(bytes, std::memory_order_relaxed);
    return it->status();
  }

  // Puts the store aside and opens an empty one that refuses whatever was read before `floor`.
  absl::Status StartAfresh(uint64_t floor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) {
    absl::MutexLock lock(&store_mu_);
    store_.reset();
    PRECIS_RETURN_IF_ERROR(SetStoreAside(options_.path));
    PRECIS_RETURN_IF_ERROR(ToStatus(OpenStore(DbPath(), &store_), options_.path));
    rocksdb::WriteBatch batch;
    const uint64_t epoch = floor == kUnknownFloor ? 0 : floor;
    (void)batch.Put(family(kMeta), kErasedEpochKey, U64(epoch));
    (void)batch.Put(family(kMeta), kFloorKey, U64(floor));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    PRECIS_RETURN_IF_ERROR(ToStatus(db().Write(synced, &batch), options_.path));
    floor_ = floor;
    erased_epoch_ = epoch;
    published_epoch_.store(epoch, std::memory_order_release);
    next_order_ = oldest_order_ = 1;
    entries_.store(0, std::memory_order_relaxed);
    bytes_.store(0, std::memory_order_relaxed);
    // Written after the floor is durable: an epoch file without its store would only raise the floor again.
    return WriteEpochFile(EpochPath(), epoch);
  }

  // Adds to `batch` what removes the entry and all that points to it.
  void RemoveEntry(const std::string& key, rocksdb::WriteBatch* batch, Removed* removed)
      ABSL_SHARED_LOCKS_REQUIRED(store_mu_) {
    std::string bytes;
    if (!db().Get({}, family(kValues), key, &bytes).ok()) return;
    (void)batch->Delete(family(kValues), key);
    Record record;
    // Of a damaged record the queue entry stays until eviction meets it, and its reverse entries until an Erase does.
    if (!DecodeRecord(key, bytes, &record)) return;
    (void)batch->Delete(family(kOrder), OrderKey(record.order));
    for (const Owner& owner : record.owners) {
      (void)batch->Delete(family(kOwners), OwnerKey(owner.tenant, owner.document_id) + key);
    }
    removed->entries += 1;
    removed->bytes += static_cast<int64_t>(key.size() + bytes.size());
  }

  // Adds to `batch` what makes room for `size` bytes; `replaced` is already in the batch.
  void EvictFor(int64_t size, const std::string& replaced, rocksdb::WriteBatch* batch, Removed* removed,
                int64_t* evicted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) ABSL_SHARED_LOCKS_REQUIRED(store_mu_) {
    const int64_t bytes = bytes_.load(std::memory_order_relaxed);
    if (bytes - removed->bytes + size <= options_.max_bytes) return;
    const std::unique_ptr<rocksdb::Iterator> it(db().NewIterator({}, family(kOrder)));
    // From the oldest known on: SeekToFirst would walk over the tombstones of everything evicted before.
    for (it->Seek(OrderKey(oldest_order_)); it->Valid(); it->Next()) {
      if (bytes - removed->bytes + size <= options_.max_bytes) break;
      std::string_view value(it->value().data(), it->value().size());
      uint64_t entry_bytes = 0;
      if (!ReadU64(&value, &entry_bytes)) continue;
      const std::string key(value);
      const uint64_t order = ParseOrderKey({it->key().data(), it->key().size()});
      oldest_order_ = order + 1;
      if (key == replaced) continue;
      std::string record_bytes;
      Record record;
      if (db().Get({}, family(kValues), key, &record_bytes).ok() && DecodeRecord(key, record_bytes, &record) &&
          record.order == order) {
        RemoveEntry(key, batch, removed);
      } else {  // the value was damaged; a newer one under its key has its own place in the queue
        removed->entries += 1;
        removed->bytes += static_cast<int64_t>(entry_bytes);
      }
      (void)batch->Delete(family(kOrder), it->key());
      ++*evicted;
    }
  }

  rocksdb::Status EraseFromStore(std::span<const Erasure> erasures, uint64_t highest, Removed* removed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_) ABSL_SHARED_LOCKS_REQUIRED(store_mu_) {
    rocksdb::WriteBatch batch;
    std::vector<std::string> dropped;  // a value with two erased owners is dropped, and counted, once
    for (const Erasure& erasure : erasures) {
      const std::string owner_key = OwnerKey(erasure.tenant, erasure.document_id);
      uint64_t known = 0;
      rocksdb::Status status = ReadNumber(kEpochs, owner_key, &known);
      if (!status.ok()) return status;
      (void)batch.Put(family(kEpochs), owner_key, U64(std::max(known, erasure.delete_epoch)));
      const std::unique_ptr<rocksdb::Iterator> it(db().NewIterator({}, family(kOwners)));
      for (it->Seek(owner_key); it->Valid() && it->key().starts_with(owner_key); it->Next()) {
        const std::string key(it->key().data() + owner_key.size(), it->key().size() - owner_key.size());
        std::string bytes;
        status = db().Get({}, family(kValues), key, &bytes);
        Record record;
        if (status.IsNotFound()) {
          (void)batch.Delete(family(kOwners), it->key());
          continue;
        }
        if (!status.ok()) return status;
        if (DecodeRecord(key, bytes, &record)) {
          const bool older = std::any_of(record.owners.begin(), record.owners.end(), [&](const Owner& owner) {
            return owner.tenant == erasure.tenant && owner.document_id == erasure.document_id &&
                   owner.read_epoch < erasure.delete_epoch;
          });
          if (!older) continue;
        }
        dropped.push_back(key);
      }
      if (!it->status().ok()) return it->status();
    }
    std::sort(dropped.begin(), dropped.end());
    dropped.erase(std::unique(dropped.begin(), dropped.end()), dropped.end());
    for (const std::string& key : dropped) RemoveEntry(key, &batch, removed);
    (void)batch.Put(family(kMeta), kErasedEpochKey, U64(highest));
    if (floor_ == kUnknownFloor && !erasures.empty()) (void)batch.Put(family(kMeta), kFloorKey, U64(highest));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return db().Write(synced, &batch);
  }

  void DropDamaged(const std::string& key) {
    absl::MutexLock write(&write_mu_);
    absl::ReaderMutexLock lock(&store_mu_);
    std::string bytes;
    Record record;
    // It may have been replaced meanwhile.
    if (!db().Get({}, family(kValues), key, &bytes).ok() || DecodeRecord(key, bytes, &record)) return;
    (void)db().Delete({}, family(kValues), key);
  }

  const CacheOptions options_;
  const int lock_fd_;

  absl::Mutex write_mu_ ABSL_ACQUIRED_BEFORE(store_mu_);  // one Put or Erase at a time
  mutable absl::Mutex store_mu_;                          // held exclusively only while the store is exchanged
  std::unique_ptr<Store> store_ ABSL_GUARDED_BY(store_mu_);
  uint64_t floor_ ABSL_GUARDED_BY(write_mu_) = 0;
  uint64_t erased_epoch_ ABSL_GUARDED_BY(write_mu_) = 0;
  uint64_t next_order_ ABSL_GUARDED_BY(write_mu_) = 1;
  uint64_t oldest_order_ ABSL_GUARDED_BY(write_mu_) = 1;  // no entry is older
  std::atomic<uint64_t> published_epoch_{0};              // erased_epoch_ for readers
  std::atomic<int64_t> entries_{0}, bytes_{0}, hits_{0}, misses_{0}, stored_{0}, refused_{0}, erased_{0}, evicted_{0};
};

}  // namespace

absl::StatusOr<std::unique_ptr<TaggedCache>> TaggedCache::Open(CacheOptions options) {
  if (options.path.empty()) return absl::InvalidArgumentError("the cache has no path");
  if (options.max_bytes < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("cache '", options.path, "': max_bytes is ", options.max_bytes, ", it must be at least 1"));
  }
  PRECIS_ASSIGN_OR_RETURN(const int fd, LockFolder(options.path));
  auto cache = std::make_unique<RocksCache>(std::move(options), fd);
  PRECIS_RETURN_IF_ERROR(cache->Load());
  return std::unique_ptr<TaggedCache>(std::move(cache));
}

}  // namespace precis::cache
