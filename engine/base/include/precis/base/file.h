// Files: whole reads with a size limit, durable replacement, read-only mapping.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace precis {

// The content of a regular file. NotFound, PermissionDenied, InvalidArgument (not a regular file), or ResourceExhausted
// when the file is larger than `max_bytes`; every message holds the path.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes);

// Replaces `path` so that after a crash it holds either the old or the new content: writes a temporary file beside it,
// fsyncs, renames, fsyncs the folder.
absl::Status WriteFileDurably(const std::string& path, std::string_view content);

// mkdir -p.
absl::Status MakeFolders(const std::string& path);

// A read-only memory map of a whole file. Thread-safe. The bytes must be treated as hostile; a file that another
// process truncates while it is mapped ends in SIGBUS, so model folders must not be written while serving.
class MappedFile {
 public:
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  // Tells the system that the pages of [begin, end) are not needed any more (after repacking).
  void Release(size_t begin, size_t end) const;

 private:
  MappedFile(std::string path, const char* data, size_t size) : path_(std::move(path)), data_(data), size_(size) {}
  std::string path_;
  const char* data_;
  size_t size_;
};

}  // namespace precis
