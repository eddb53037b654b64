#include "precis/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis {
namespace {

absl::Status SystemError(std::string_view what, const std::string& path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat(std::string(what), " '", path, "'"));
}

absl::Status SyncFolderOf(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError("cannot open folder", folder);
  absl::Cleanup close = [fd] { ::close(fd); };
  if (::fsync(fd) != 0) return SystemError("cannot sync folder", folder);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SystemError("cannot open", path);
  absl::Cleanup close = [fd] { ::close(fd); };
  struct stat info;
  if (::fstat(fd, &info) != 0) return SystemError("cannot stat", path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
  std::string content;
  // Read to the end rather than trust st_size: files under /proc have size 0, and a file may grow meanwhile.
  constexpr size_t kBlock = 1 << 16;
  content.reserve(static_cast<size_t>(info.st_size) + 1);
  for (;;) {
    const size_t old = content.size();
    content.resize(old + kBlock);
    const ssize_t got = ::read(fd, content.data() + old, kBlock);
    if (got < 0 && errno == EINTR) {
      content.resize(old);
      continue;
    }
    if (got < 0) return SystemError("cannot read", path);
    content.resize(old + static_cast<size_t>(got));
    if (static_cast<int64_t>(content.size()) > max_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("'", path, "' has more than ", max_bytes, " bytes (",
                                                       static_cast<int64_t>(info.st_size),
                                                       "): raise the limit or split the file"));
    }
    if (got == 0) return content;
  }
}

absl::Status WriteFileDurably(const std::string& path, std::string_view content) {
  const std::string temporary = absl::StrCat(path, ".tmp.", static_cast<int64_t>(::getpid()));
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return SystemError("cannot create", temporary);
  absl::Cleanup discard = [&temporary, fd] {
    ::close(fd);
    ::unlink(temporary.c_str());
  };
  for (size_t done = 0; done < content.size();) {
    const ssize_t wrote = ::write(fd, content.data() + done, content.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return SystemError("cannot write", temporary);
    done += static_cast<size_t>(wrote);
  }
  if (::fsync(fd) != 0) return SystemError("cannot sync", temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return SystemError("cannot rename onto", path);
  std::move(discard).Cancel();
  ::close(fd);
  return SyncFolderOf(path);
}

absl::Status MakeFolders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot create folder '", path, "'"));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError("cannot open", path);
  absl::Cleanup close = [fd] { ::close(fd); };
  struct stat info;
  if (::fstat(fd, &info) != 0) return SystemError("cannot stat", path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return absl::InvalidArgumentError(absl::StrCat("'", path, "' is empty"));
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return SystemError("cannot map", path);
  return std::shared_ptr<const MappedFile>(new MappedFile(path, static_cast<const char*>(data), size));
}

MappedFile::~MappedFile() { ::munmap(const_cast<char*>(data_), size_); }

void MappedFile::Release(size_t begin, size_t end) const {
  static const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  // Only whole pages inside the range: a neighbour's bytes share the others.
  const size_t first = (begin + page - 1) / page * page;
  const size_t last = end / page * page;
  if (first < last && last <= size_) ::madvise(const_cast<char*>(data_) + first, last - first, MADV_DONTNEED);
}

}  // namespace precis
