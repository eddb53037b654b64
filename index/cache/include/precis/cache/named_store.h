// Named, versioned values that are kept until someone deletes them, or a document that they were made from (capsules).
//
// One RocksDB a store. Unlike a cache it is the truth: an acknowledged Put survives a kill and a power loss, nothing is
// evicted, and a damaged record is an error that names it. Unlike a cache too, an erasure is told: the name answers
// NotFound with the reason until it is used again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "precis/cache/tagged_cache.h"

namespace precis::cache {

struct NamedStoreOptions {
  std::string path;            // folder, created if missing; one process at a time
  std::string kind = "value";  // what a value is called in errors: "capsule"
  // Limits, beyond which a Put is ResourceExhausted.
  int64_t max_value_bytes = int64_t{2} << 20;  // of head and body together
  int max_versions = 100;                      // of a name
  int max_names = 10'000;                      // of a tenant
  // With less left on the folder's disk nothing is stored: the rest is for deletes.
  int64_t min_free_bytes = int64_t{256} << 20;
};

struct NamedValue {
  std::string name;
  int32_t version = 0;  // counts from 1
  int64_t created_unix_ms = 0;
  std::string head;  // what lists show
  std::string body;  // the rest; empty in lists
  std::vector<Owner> owners;
};

struct NewValue {
  std::string_view tenant, name;
  bool replace = false;  // an existing name gets a new version; false: AlreadyExists
  std::string_view head, body;
  // Documents that it was made from, with the epoch at which each was read.
  std::vector<Owner> owners;
  // True: the value comes from elsewhere, where sequence numbers are others. It is refused as by its own epochs, and
  // erased with every delete that comes from now on.
  bool imported = false;
};

inline constexpr size_t kMaxNameBytes = 128;

// 1 to kMaxNameBytes of A-Z a-z 0-9 . _ - that do not begin with a dot; else InvalidArgument.
absl::Status ValidateName(std::string_view kind, std::string_view name);

// Thread-safe. Tenants see only their own names.
class NamedStore {
 public:
  // Errors: FailedPrecondition (another process has the folder), DataLoss (the store is damaged: it names the folder to
  // move away), PermissionDenied, ResourceExhausted (disk full).
  static absl::StatusOr<std::unique_ptr<NamedStore>> Open(NamedStoreOptions options);
  virtual ~NamedStore() = default;

  // Durable on return. The value as stored, without head and body. Errors: InvalidArgument (name), AlreadyExists,
  // FailedPrecondition with reason SOURCE_DELETED (an owner was deleted after it was read), ResourceExhausted (a limit,
  // with both numbers; disk full), Internal.
  virtual absl::StatusOr<NamedValue> Put(const NewValue& value) = 0;

  // `version` 0: the newest. Errors: NotFound (with reason SOURCE_DELETED where a document's delete erased it),
  // DataLoss (the record is damaged).
  virtual absl::StatusOr<NamedValue> Get(std::string_view tenant, std::string_view name, int32_t version) = 0;

  // The newest version of each name after `after`, by name, at most `limit`, without bodies. Errors: DataLoss.
  virtual absl::StatusOr<std::vector<NamedValue>> List(std::string_view tenant, std::string_view after, int limit) = 0;

  // All versions; their number. Durable on return. Errors: as Get.
  virtual absl::StatusOr<int> Delete(std::string_view tenant, std::string_view name) = 0;

  // As TaggedCache: erases every version made from these documents as read before their delete_epoch, durably.
  virtual absl::StatusOr<int64_t> Erase(std::span<const Erasure> erasures) = 0;
  virtual uint64_t erased_epoch() const = 0;
};

}  // namespace precis::cache
