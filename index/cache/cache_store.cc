#include "cache_store.h"

#include <cstdarg>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"

namespace precis::cache {
namespace {

constexpr const char* kFamilyNames[kFamilies] = {"default", "values", "owners", "order", "epochs"};

// RocksDB's own log writer asserts, and so ends the process, when it is written to again after a full disk (7.8.3 as
// Debian builds it). Every error comes to us as a status.
class SilentLogger : public rocksdb::Logger {
 public:
  SilentLogger() : rocksdb::Logger(rocksdb::FATAL_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace

Store::~Store() {
  for (auto* family : families) (void)db->DestroyColumnFamilyHandle(family);
}

rocksdb::Status OpenStore(const std::string& path, std::unique_ptr<Store>* store) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.info_log = std::make_shared<SilentLogger>();
  options.max_open_files = 256;
  options.max_background_jobs = 2;
  options.bytes_per_sync = 1 << 20;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(32 << 20);
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = 16 << 20;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilyNames) descriptors.emplace_back(name, family);
  auto opened = std::make_unique<Store>();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, descriptors, &opened->families, &db);
  opened->db.reset(db);
  if (status.ok()) *store = std::move(opened);
  return status;
}

absl::Status ToStatus(const rocksdb::Status& status, const std::string& path) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat("cache '", path, "': ", status.ToString());
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kNoSpace) {
    return absl::ResourceExhaustedError(absl::StrCat(message, "; free space on the disk of this folder"));
  }
  if (status.IsIOError() && message.find("ermission denied") != std::string::npos) {
    return absl::PermissionDeniedError(message);
  }
  return absl::InternalError(message);
}

bool IsDamage(const rocksdb::Status& status) {
  return status.IsCorruption() || status.IsNotFound() || status.IsInvalidArgument() ||
         status.subcode() == rocksdb::Status::kPathNotFound;
}

}  // namespace precis::cache
