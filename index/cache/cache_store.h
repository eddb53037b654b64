// The RocksDB under a cache: its column families, how it is opened, and what its errors mean to us.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "rocksdb/db.h"

namespace precis::cache {

// Column families. `kOwners` is the reverse index: owner key + entry key -> nothing. `kOrder`: order -> size:u64 +
// entry key, the queue that eviction takes from. `kEpochs`: owner key -> delete epoch. `kMeta`: two numbers, see
// tagged_cache.cc.
enum Family { kMeta, kValues, kOwners, kOrder, kEpochs, kFamilies };

// Closing order matters: handles first.
struct Store {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  ~Store();
};

// Made if missing.
rocksdb::Status OpenStore(const std::string& path, std::unique_ptr<Store>* store);

// ResourceExhausted (disk full), PermissionDenied or Internal, with the cache's name.
absl::Status ToStatus(const rocksdb::Status& status, const std::string& path);

// Whether the store itself is wrong, so that another one must take its place.
bool IsDamage(const rocksdb::Status& status);

}  // namespace precis::cache
