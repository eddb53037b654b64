#include "precis/cache/named_store.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cache_folder.h"
#include "cache_store.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "record.h"
#include "rocksdb/write_batch.h"

namespace precis::cache {
namespace {

namespace fs = std::filesystem;

constexpr char kErasedEpochKey[] = "erased_epoch";  // of the family kMeta
constexpr char kSourceDeleted[] = "SOURCE_DELETED";

// Families of cache_store.h, used as follows. kValues: name key + version -> record of created:u64 head_size:u64 head
// body. kOwners: owner key + value key -> nothing. kEpochs: owner key -> delete epoch. kOrder: name key of an erased
// name -> delete time:u64 document id.

std::string U64(uint64_t value) {
  std::string bytes;
  AppendU64(value, &bytes);
  return bytes;
}

// The tenant's size comes first, so that no tenant's keys are among another's; names have no zero byte.
std::string TenantKey(std::string_view tenant) { return OrderKey(tenant.size()) + std::string(tenant); }
std::string NameKey(std::string_view tenant, std::string_view name) {
  return TenantKey(tenant) + std::string(name) + '\0';
}
std::string ValueKey(std::string_view tenant, std::string_view name, int32_t version) {
  return NameKey(tenant, name) + OrderKey(static_cast<uint64_t>(version));
}

std::string EncodeValue(int64_t created, std::string_view head, std::string_view body) {
  return U64(static_cast<uint64_t>(created)) + U64(head.size()) + std::string(head) + std::string(body);
}

class RocksNamedStore final : public NamedStore {
 public:
  RocksNamedStore(NamedStoreOptions options, int lock_fd) : options_(std::move(options)), lock_fd_(lock_fd) {}
  ~RocksNamedStore() override {
    store_.reset();
    ::close(lock_fd_);  // which also gives the lock back
  }

  absl::Status Load() {
    const std::string path = options_.path + "/db";
    const rocksdb::Status status = OpenStore(path, &store_);
    std::string bytes;
    const rocksdb::Status read =
        status.ok() ? store_->db->Get({}, store_->families[kMeta], kErasedEpochKey, &bytes) : status;
    if (read.IsNotFound() && status.ok()) return absl::OkStatus();
    std::string_view in = bytes;
    uint64_t epoch = 0;
    const bool damaged = read.ok() ? !ReadU64(&in, &epoch) : IsDamage(read);
    if (damaged) {
      return absl::DataLossError(absl::StrCat("the ", options_.kind, "s in '", path, "' are damaged (", read.ToString(),
                                              "): move that folder away to start without them"));
    }
    PRECIS_RETURN_IF_ERROR(ToStatus(read, options_.path));
    erased_epoch_.store(epoch, std::memory_order_release);
    return absl::OkStatus();
  }

  absl::StatusOr<NamedValue> Put(const NewValue& value) override {
    PRECIS_RETURN_IF_ERROR(ValidateName(options_.kind, value.name));
    const auto size = static_cast<int64_t>(value.head.size() + value.body.size());
    if (size > options_.max_value_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the ", options_.kind, " has ", size, " bytes, the limit is ",
                                                       options_.max_value_bytes, ": choose a smaller budget"));
    }
    // Between the look at the epochs and the write no Erase can come in.
    absl::MutexLock lock(&mu_);
    PRECIS_RETURN_IF_ERROR(CheckOwners(value.owners));
    const std::vector<int32_t> versions = Versions(value.tenant, value.name);
    if (!versions.empty() && !value.replace) {
      return absl::AlreadyExistsError(absl::StrCat("there is a ", options_.kind, " '", std::string(value.name),
                                                   "' already: delete it, or ask for a new version of it"));
    }
    PRECIS_RETURN_IF_ERROR(CheckLimits(value, versions));

    NamedValue stored;
    stored.name = value.name;
    stored.version = versions.empty() ? 1 : versions.back() + 1;
    stored.created_unix_ms = absl::ToUnixMillis(absl::Now());
    stored.owners = value.owners;
    if (value.imported) {
      // Every delete that is still to come has a greater number than those that have come.
      for (Owner& owner : stored.owners) owner.read_epoch = std::min(owner.read_epoch, erased_epoch());
    }
    const std::string key = ValueKey(value.tenant, value.name, stored.version);
    rocksdb::WriteBatch batch;
    (void)batch.Put(family(kValues), key,
                    EncodeRecord(key, static_cast<uint64_t>(stored.version), stored.owners,
                                 EncodeValue(stored.created_unix_ms, value.head, value.body)));
    for (const Owner& owner : stored.owners) {
      (void)batch.Put(family(kOwners), OwnerKey(owner.tenant, owner.document_id) + key, "");
    }
    (void)batch.Delete(family(kOrder), NameKey(value.tenant, value.name));
    PRECIS_RETURN_IF_ERROR(Write(&batch));
    return stored;
  }

  absl::StatusOr<NamedValue> Get(std::string_view tenant, std::string_view name, int32_t version) override {
    PRECIS_RETURN_IF_ERROR(ValidateName(options_.kind, name));
    const std::vector<int32_t> versions = Versions(tenant, name);
    if (versions.empty()) return Missing(tenant, name);
    if (version == 0) version = versions.back();
    std::string bytes;
    const rocksdb::Status status = store_->db->Get({}, family(kValues), ValueKey(tenant, name, version), &bytes);
    if (status.IsNotFound()) {
      return absl::NotFoundError(absl::StrCat(options_.kind, " '", std::string(name), "' has no version ", version,
                                              "; the newest is ", versions.back()));
    }
    PRECIS_RETURN_IF_ERROR(ToStatus(status, options_.path));
    return Decode(tenant, name, version, bytes, true);
  }

  absl::StatusOr<std::vector<NamedValue>> List(std::string_view tenant, std::string_view after, int limit) override {
    std::vector<NamedValue> values;
    const std::string prefix = TenantKey(tenant);
    const std::unique_ptr<rocksdb::Iterator> it(store_->db->NewIterator({}, family(kValues)));
    // A zero byte ends a name, a one lies behind all its versions.
    it->Seek(after.empty() ? prefix : prefix + std::string(after) + '\1');
    while (it->Valid() && it->key().starts_with(prefix) && static_cast<int>(values.size()) < limit) {
      std::string name;
      int32_t version = 0;
      std::string bytes;
      // The last version of a name stands last.
      for (; it->Valid() && it->key().starts_with(prefix); it->Next()) {
        std::string own;
        int32_t number = 0;
        if (!ParseKey(it->key().ToStringView().substr(prefix.size()), &own, &number)) return DamagedKey();
        if (!name.empty() && own != name) break;
        name = own;
        version = number;
        bytes = it->value().ToString();
      }
      PRECIS_ASSIGN_OR_RETURN(NamedValue value, Decode(tenant, name, version, bytes, false));
      values.push_back(std::move(value));
    }
    PRECIS_RETURN_IF_ERROR(ToStatus(it->status(), options_.path));
    return values;
  }

  absl::StatusOr<int> Delete(std::string_view tenant, std::string_view name) override {
    PRECIS_RETURN_IF_ERROR(ValidateName(options_.kind, name));
    absl::MutexLock lock(&mu_);
    const std::vector<int32_t> versions = Versions(tenant, name);
    if (versions.empty()) return Missing(tenant, name);
    rocksdb::WriteBatch batch;
    for (const int32_t version : versions) Remove(ValueKey(tenant, name, version), &batch);
    PRECIS_RETURN_IF_ERROR(Write(&batch));
    return static_cast<int>(versions.size());
  }

  absl::StatusOr<int64_t> Erase(std::span<const Erasure> erasures) override {
    absl::MutexLock lock(&mu_);
    uint64_t highest = erased_epoch();
    rocksdb::WriteBatch batch;
    std::map<std::string, std::string> dropped;  // value key -> document
    for (const Erasure& erasure : erasures) {
      highest = std::max(highest, erasure.delete_epoch);
      const std::string owner_key = OwnerKey(erasure.tenant, erasure.document_id);
      PRECIS_ASSIGN_OR_RETURN(const uint64_t known, DeletedAt(owner_key));
      (void)batch.Put(family(kEpochs), owner_key, U64(std::max(known, erasure.delete_epoch)));
      const std::unique_ptr<rocksdb::Iterator> it(store_->db->NewIterator({}, family(kOwners)));
      for (it->Seek(owner_key); it->Valid() && it->key().starts_with(owner_key); it->Next()) {
        const std::string key(it->key().ToStringView().substr(owner_key.size()));
        std::string bytes;
        const rocksdb::Status status = store_->db->Get({}, family(kValues), key, &bytes);
        if (status.IsNotFound()) continue;
        PRECIS_RETURN_IF_ERROR(ToStatus(status, options_.path));
        Record record;
        // What cannot be read may have been made from it.
        const bool older = !DecodeRecord(key, bytes, &record) ||
                           std::any_of(record.owners.begin(), record.owners.end(), [&](const Owner& owner) {
                             return owner.tenant == erasure.tenant && owner.document_id == erasure.document_id &&
                                    owner.read_epoch < erasure.delete_epoch;
                           });
        if (older) dropped.emplace(key, erasure.document_id);
      }
      PRECIS_RETURN_IF_ERROR(ToStatus(it->status(), options_.path));
    }
    for (const auto& [key, document] : dropped) {
      Remove(key, &batch);
      const std::string name_key = key.substr(0, key.size() - 8);
      (void)batch.Put(family(kOrder), name_key, U64(static_cast<uint64_t>(absl::ToUnixMillis(absl::Now()))) + document);
    }
    (void)batch.Put(family(kMeta), kErasedEpochKey, U64(highest));
    PRECIS_RETURN_IF_ERROR(Write(&batch));
    erased_epoch_.store(highest, std::memory_order_release);
    return static_cast<int64_t>(dropped.size());
  }

  uint64_t erased_epoch() const override { return erased_epoch_.load(std::memory_order_acquire); }

 private:
  rocksdb::ColumnFamilyHandle* family(Family f) const { return store_->families[f]; }

  absl::Status Write(rocksdb::WriteBatch* batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return ToStatus(store_->db->Write(synced, batch), options_.path);
  }

  // 0: never.
  absl::StatusOr<uint64_t> DeletedAt(const std::string& owner_key) const {
    std::string bytes;
    const rocksdb::Status status = store_->db->Get({}, family(kEpochs), owner_key, &bytes);
    if (status.IsNotFound()) return uint64_t{0};
    PRECIS_RETURN_IF_ERROR(ToStatus(status, options_.path));
    std::string_view in = bytes;
    uint64_t epoch = 0;
    if (!ReadU64(&in, &epoch)) return DamagedKey();
    return epoch;
  }

  absl::Status CheckOwners(const std::vector<Owner>& owners) const {
    for (const Owner& owner : owners) {
      PRECIS_ASSIGN_OR_RETURN(const uint64_t deleted, DeletedAt(OwnerKey(owner.tenant, owner.document_id)));
      if (owner.read_epoch >= deleted) continue;
      return StatusWithReason(absl::StatusCode::kFailedPrecondition, kSourceDeleted,
                              absl::StrCat("document ", owner.document_id, ", which the ", options_.kind,
                                           " was made from, has been deleted since"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckLimits(const NewValue& value, const std::vector<int32_t>& versions) const {
    const std::string name(value.name);
    if (static_cast<int>(versions.size()) >= options_.max_versions) {
      return absl::ResourceExhaustedError(absl::StrCat(options_.kind, " '", name, "' has ", versions.size(),
                                                       " versions, which is the limit: delete it first"));
    }
    if (versions.empty() && CountNames(value.tenant) >= options_.max_names) {
      return absl::ResourceExhaustedError(absl::StrCat("the tenant has ", options_.max_names, " ", options_.kind,
                                                       "s, which is the limit: delete some first"));
    }
    std::error_code error;
    const fs::space_info space = fs::space(options_.path, error);
    if (!error && space.available < static_cast<uintmax_t>(options_.min_free_bytes)) {
      return absl::ResourceExhaustedError(absl::StrCat("the disk of '", options_.path, "' has ", space.available,
                                                       " bytes left, fewer than ", options_.min_free_bytes,
                                                       ": free some space"));
    }
    return absl::OkStatus();
  }

  int CountNames(std::string_view tenant) const {
    const std::string prefix = TenantKey(tenant);
    const std::unique_ptr<rocksdb::Iterator> it(store_->db->NewIterator({}, family(kValues)));
    int count = 0;
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix);) {
      ++count;
      std::string name;
      int32_t version = 0;
      if (!ParseKey(it->key().ToStringView().substr(prefix.size()), &name, &version)) break;
      it->Seek(prefix + name + '\1');
    }
    return count;
  }

  std::vector<int32_t> Versions(std::string_view tenant, std::string_view name) const {
    const std::string prefix = NameKey(tenant, name);
    std::vector<int32_t> versions;
    const std::unique_ptr<rocksdb::Iterator> it(store_->db->NewIterator({}, family(kValues)));
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
      versions.push_back(static_cast<int32_t>(ParseOrderKey(it->key().ToStringView().substr(prefix.size()))));
    }
    return versions;
  }

  static bool ParseKey(std::string_view key, std::string* name, int32_t* version) {
    const size_t end = key.find('\0');
    if (end == std::string_view::npos || key.size() != end + 1 + 8) return false;
    *name = key.substr(0, end);
    *version = static_cast<int32_t>(ParseOrderKey(key.substr(end + 1)));
    return true;
  }

  // Adds to `batch` what removes the value and all that points to it.
  void Remove(const std::string& key, rocksdb::WriteBatch* batch) const {
    std::string bytes;
    Record record;
    if (store_->db->Get({}, family(kValues), key, &bytes).ok() && DecodeRecord(key, bytes, &record)) {
      for (const Owner& owner : record.owners) {
        (void)batch->Delete(family(kOwners), OwnerKey(owner.tenant, owner.document_id) + key);
      }
    }
    (void)batch->Delete(family(kValues), key);
  }

  absl::StatusOr<NamedValue> Decode(std::string_view tenant, std::string_view name, int32_t version,
                                    const std::string& bytes, bool with_body) const {
    const std::string key = ValueKey(tenant, name, version);
    Record record;
    uint64_t created = 0, head = 0;
    if (!DecodeRecord(key, bytes, &record)) return Damaged(name, version);
    std::string_view in = record.value;
    if (!ReadU64(&in, &created) || !ReadU64(&in, &head) || head > in.size()) return Damaged(name, version);
    NamedValue value;
    value.name = name;
    value.version = version;
    value.created_unix_ms = static_cast<int64_t>(created);
    value.head = in.substr(0, head);
    if (with_body) value.body = in.substr(head);
    value.owners = std::move(record.owners);
    return value;
  }

  absl::Status Damaged(std::string_view name, int32_t version) const {
    return absl::DataLossError(absl::StrCat(options_.kind, " '", std::string(name), "' version ", version, " in '",
                                            options_.path, "' is damaged: delete it and make it anew"));
  }
  absl::Status DamagedKey() const {
    return absl::DataLossError(absl::StrCat("a key of the ", options_.kind, "s in '", options_.path, "' is damaged"));
  }

  absl::Status Missing(std::string_view tenant, std::string_view name) const {
    std::string bytes;
    uint64_t when = 0;
    if (store_->db->Get({}, family(kOrder), NameKey(tenant, name), &bytes).ok()) {
      std::string_view document = bytes;
      if (ReadU64(&document, &when)) {
        return StatusWithReason(
            absl::StatusCode::kNotFound, kSourceDeleted,
            absl::StrCat(options_.kind, " '", std::string(name), "' was erased at ",
                         absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixMillis(static_cast<int64_t>(when)),
                                          absl::UTCTimeZone()),
                         ", when document ", std::string(document), ", which it was made from, was deleted"));
      }
    }
    return absl::NotFoundError(absl::StrCat("there is no ", options_.kind, " '", std::string(name), "'"));
  }

  const NamedStoreOptions options_;
  const int lock_fd_;
  std::unique_ptr<Store> store_;  // RocksDB is thread-safe; mu_ makes reads and the write after them one
  absl::Mutex mu_;
  std::atomic<uint64_t> erased_epoch_{0};
};

}  // namespace

absl::Status ValidateName(std::string_view kind, std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                             c == '_' || c == '-';
                    });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the name of a ", std::string(kind), " has 1 to ", kMaxNameBytes,
                                                 " characters of A-Z a-z 0-9 . _ - and does not begin with a dot"));
}

absl::StatusOr<std::unique_ptr<NamedStore>> NamedStore::Open(NamedStoreOptions options) {
  if (options.path.empty()) return absl::InvalidArgumentError("the store has no path");
  PRECIS_ASSIGN_OR_RETURN(const int fd, LockFolder(options.path));
  auto store = std::make_unique<RocksNamedStore>(std::move(options), fd);
  PRECIS_RETURN_IF_ERROR(store->Load());
  return std::unique_ptr<NamedStore>(std::move(store));
}

}  // namespace precis::cache
