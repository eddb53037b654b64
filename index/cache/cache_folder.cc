#include "cache_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::cache {
namespace {

namespace fs = std::filesystem;

constexpr char kAside[] = "db.damaged-";

}  // namespace

absl::StatusOr<int> LockFolder(const std::string& folder) {
  PRECIS_RETURN_IF_ERROR(MakeFolders(folder));
  const std::string path = folder + "/lock";
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) {
    const std::string message = absl::StrCat("cannot open '", path, "': ", std::strerror(errno));
    return errno == EACCES   ? absl::PermissionDeniedError(message)
           : errno == ENOSPC ? absl::ResourceExhaustedError(message)
                             : absl::InternalError(message);
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return absl::FailedPreconditionError(absl::StrCat(
        "the cache '", folder, "' is in use by another server: stop that one, or give this one a folder of its own"));
  }
  return fd;
}

absl::Status SetStoreAside(const std::string& folder) {
  std::error_code error;
  const std::string store = folder + "/db";
  if (!fs::exists(store, error)) return absl::OkStatus();
  std::string aside;
  int n = 1;
  do {
    aside = absl::StrCat(folder, "/", kAside, n++);
  } while (fs::exists(aside, error));
  fs::rename(store, aside, error);
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot set the damaged cache '", store, "' aside: ", error.message(),
                                          "; remove the folder by hand"));
}

absl::Status RemoveSetAside(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().string().starts_with(kAside)) continue;
    fs::remove_all(it->path(), error);
    if (error) break;
  }
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cannot remove a damaged cache from '", folder, "': ", error.message(),
                                          "; remove the folders ", kAside, "* by hand"));
}

}  // namespace precis::cache
