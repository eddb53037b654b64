#include "storage/store.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"
#include "rocksdb/convenience.h"
#include "rocksdb/env.h"
#include "rocksdb/table.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

// Raised when an older program could no longer read the folder.
constexpr int kFolderFormat = 1;

constexpr std::array<const char*, kFamilies> kNames = {"default", "collections", "documents", "versions",
                                                       "texts",   "source_maps", "chunks",    "vectors",
                                                       "terms",   "outbox",      "consumers"};

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// RocksDB's own log writer asserts, and so ends the process, when it is written to again after a full disk (7.8.3 as
// Debian builds it). Every error comes to us as a status; nothing else of that log is wanted.
class SilentLogger : public rocksdb::Logger {
 public:
  SilentLogger() : rocksdb::Logger(rocksdb::FATAL_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<SilentLogger>();
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.max_background_jobs = 2;
  options.db_write_buffer_size = 64 << 20;
  // Eleven families share one WAL: the family that is written least would keep all of it.
  options.max_total_wal_size = 128 << 20;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  const auto has = [&supported](rocksdb::CompressionType type) {
    return std::find(supported.begin(), supported.end(), type) != supported.end();
  };
  options.compression = has(rocksdb::kLZ4Compression) ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  if (family == Family::kVectors) options.compression = rocksdb::kNoCompression;  // floats of a unit vector: noise
  return options;
}

}  // namespace

Store::~Store() {
  for (rocksdb::ColumnFamilyHandle* handle : families_) (void)db_->DestroyColumnFamilyHandle(handle);
}

absl::Status Store::ToStatus(const rocksdb::Status& status, const char* what) const {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  if (status.IsNotFound()) return absl::NotFoundError(absl::StrCat("no such key in '", path_, "'"));
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit ||
      absl::StrContains(text, "No space left") || absl::StrContains(text, "File too large")) {
    return absl::ResourceExhaustedError(absl::StrCat("the disk under data folder '", path_, "' is full while ", what,
                                                     ": nothing was lost, reads go on; free space and try again"));
  }
  if (status.IsCorruption()) {
    return absl::DataLossError(absl::StrCat("data folder '", path_, "' is damaged (found while ", what, "): ", text,
                                            "; verify and repair it"));
  }
  return absl::InternalError(absl::StrCat("data folder '", path_, "' failed while ", what, ": ", text));
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& data_dir) {
  if (data_dir.empty()) return absl::InvalidArgumentError("data folder is empty: name one");
  PRECIS_RETURN_IF_ERROR(MakeFolders(data_dir));
  std::unique_ptr<Store> store(new Store(data_dir));
  const auto cache = rocksdb::NewLRUCache(64 << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (int i = 0; i < kFamilies; ++i) {
    descriptors.emplace_back(kNames[i], FamilyOptions(static_cast<Family>(i), cache));
  }
  const std::string database = (std::filesystem::path(data_dir) / "db").string();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(DatabaseOptions(), database, descriptors, &store->families_, &db);
  if (!opened.ok()) {
    const std::string text = opened.ToString();
    if (absl::StrContains(text, "LOCK")) {
      return absl::FailedPreconditionError(absl::StrCat("data folder '", data_dir,
                                                        "' is in use by another server: stop it, or name another "
                                                        "folder"));
    }
    if (absl::StrContains(text, "Column families not opened")) {
      return absl::FailedPreconditionError(absl::StrCat("data folder '", data_dir, "' was written by a newer program (",
                                                        text, "): use that one, or a newer one"));
    }
    return store->ToStatus(opened, "opening it");
  }
  store->db_.reset(db);
  PRECIS_RETURN_IF_ERROR(store->CheckFormatAndCountBoot());
  return store;
}

absl::Status Store::CheckFormatAndCountBoot() {
  auto format = Get(Family::kMeta, "format");
  rocksdb::WriteBatch batch;
  if (format.ok()) {
    int found = 0;
    if (!absl::SimpleAtoi(*format, &found) || found < 1) {
      return absl::DataLossError(absl::StrCat("data folder '", path_, "' has the unreadable format '", *format, "'"));
    }
    if (found > kFolderFormat) {
      return absl::FailedPreconditionError(absl::StrCat("data folder '", path_, "' has format ", found,
                                                        ", this program knows up to ", kFolderFormat,
                                                        ": use the program that wrote it, or a newer one"));
    }
  } else if (absl::IsNotFound(format.status())) {
    batch.Put(family(Family::kMeta), "format", absl::StrCat(kFolderFormat));
  } else {
    return format.status();
  }
  auto boot = Get(Family::kMeta, "boot");
  if (!boot.ok() && !absl::IsNotFound(boot.status())) return boot.status();
  boot_ = (boot.ok() && boot->size() == 8 ? ReadBigEndian64(*boot) : 0) + 1;
  batch.Put(family(Family::kMeta), "boot", BigEndian64(boot_));
  // 2^40 numbers for each start, 2^24 starts.
  unique_ = boot_ << 40;
  return Commit(&batch);
}

absl::StatusOr<std::string> Store::Get(Family in, std::string_view key) const {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), family(in), ToSlice(key), &value);
  if (!status.ok()) return ToStatus(status, "reading");
  return value;
}

absl::Status Store::Scan(Family in, std::string_view begin, std::string_view end, bool values,
                         const std::function<absl::Status(std::string_view, std::string_view)>& visit) const {
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound = ToSlice(end);
  if (!end.empty()) options.iterate_upper_bound = &bound;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, family(in)));
  for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
    absl::Status status = visit(ToView(it->key()), values ? ToView(it->value()) : std::string_view());
    if (absl::IsCancelled(status)) return absl::OkStatus();
    if (!status.ok()) return status;
  }
  return ToStatus(it->status(), "scanning");
}

absl::Status Store::WriteWith(rocksdb::WriteBatch* batch, bool sync, int64_t reserve) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(path_, error);
  if (!error && space.available < static_cast<uintmax_t>(reserve)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the disk under data folder '", path_, "' has ", static_cast<int64_t>(space.available >> 20),
        " MiB left, writes need ", reserve >> 20, ": nothing was lost, reads go on; free space and try again"));
  }
  rocksdb::WriteOptions options;
  options.sync = sync;
  // After a failed write RocksDB refuses all others until it finds, within seconds, that the disk has space again.
  return ToStatus(db_->Write(options, batch), "writing");
}

absl::Status Store::Write(rocksdb::WriteBatch* batch, int64_t reserve) { return WriteWith(batch, false, reserve); }
absl::Status Store::Commit(rocksdb::WriteBatch* batch) { return WriteWith(batch, true, kReserveForRemovals); }

int64_t Store::DiskBytes() const {
  int64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;  // a file that a compaction just removed
    const auto size = it->is_regular_file(ignored) ? it->file_size(ignored) : 0;
    if (!ignored) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

int64_t Store::CollectionBytes(uint64_t uid) const {
  const std::string begin = CollectionPrefix(uid), end = CollectionEnd(uid);
  const rocksdb::Range range(begin, end);
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  int64_t bytes = 0;
  for (Family in :
       {Family::kDocuments, Family::kTexts, Family::kSourceMaps, Family::kChunks, Family::kVectors, Family::kTerms}) {
    uint64_t size = 0;
    if (db_->GetApproximateSizes(options, family(in), &range, 1, &size).ok()) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

absl::StatusOr<std::string> ReadParts(const Store& store, Family family, std::string_view version_prefix, int64_t begin,
                                      int64_t end) {
  std::string text;
  if (begin >= end) return text;
  for (int64_t part = begin / kTextPartBytes; part <= (end - 1) / kTextPartBytes; ++part) {
    auto bytes = store.Get(family, OrdinalKey(version_prefix, static_cast<uint32_t>(part)));
    if (absl::IsNotFound(bytes.status())) {
      return absl::DataLossError(absl::StrCat("part ", part, " of a stored text is missing in data folder '",
                                              store.path(), "': verify and repair it"));
    }
    PRECIS_RETURN_IF_ERROR(bytes.status());
    const int64_t first = std::max<int64_t>(0, begin - part * kTextPartBytes);
    const int64_t last = std::min<int64_t>(static_cast<int64_t>(bytes->size()), end - part * kTextPartBytes);
    if (first < last) text.append(*bytes, static_cast<size_t>(first), static_cast<size_t>(last - first));
  }
  if (static_cast<int64_t>(text.size()) != end - begin) {
    return absl::DataLossError(absl::StrCat("a stored text has ", static_cast<int64_t>(text.size()), " bytes of ",
                                            end - begin, " in data folder '", store.path(), "': verify and repair it"));
  }
  return text;
}

}  // namespace precis::index
