#include "parse/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "precis/base/status_macros.h"

namespace precis::index {
namespace {

// How long a cancel or the end of a child may go unseen.
constexpr absl::Duration kTick = absl::Milliseconds(20);

absl::Status NoResource(const char* what) {
  return absl::ResourceExhaustedError(absl::StrCat(what, " could not be had: ", std::strerror(errno)));
}

// A file descriptor that closes itself and is none of the three that a child gets anew.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd < 0 || fd > STDERR_FILENO) return;
    fd_ = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { Close(); }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

absl::StatusOr<Descriptor> FileInMemory(std::string_view bytes) {
  Descriptor file(memfd_create("precis-input", MFD_CLOEXEC));
  if (file.get() < 0) return NoResource("a file in memory");
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return NoResource("memory for a file");
    done += static_cast<size_t>(written);
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

absl::StatusOr<pid_t> Spawn(const std::string& program, const std::vector<std::string>& arguments, int in, int out) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // Ours are all closed by exec; those of libraries need not be.
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigaddset(&signals, SIGPIPE);  // which a server ignores, and ignoring is inherited
  posix_spawnattr_setsigdefault(&attributes, &signals);
  // A group of its own: Ctrl-C at a terminal is for the server, which ends its children itself.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string locale = "LC_ALL=C.UTF-8";
  const std::array<char*, 2> environment = {locale.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &files, &attributes, argv.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error == 0) return pid;
  errno = error;
  if (error == EAGAIN || error == ENOMEM) return NoResource("a process");
  return absl::FailedPreconditionError(
      absl::StrCat("the program '", program, "' cannot be started: ", std::strerror(error)));
}

// A started child; dead and waited for at the latest when this goes.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { Kill(); }

  void Kill() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  bool Ended() {
    if (pid_ >= 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ < 0;
  }
  int status() const { return status_; }

 private:
  pid_t pid_;
  int status_ = 0;
};

}  // namespace

absl::StatusOr<ChildEnd> RunChild(const std::string& program, const std::vector<std::string>& arguments,
                                  std::string_view input, const ChildLimits& limits, const CallContext& call) {
  PRECIS_ASSIGN_OR_RETURN(Descriptor in, FileInMemory(input));
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return NoResource("a pipe");
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  PRECIS_ASSIGN_OR_RETURN(const pid_t pid, Spawn(program, arguments, in.get(), to.get()));
  Child child(pid);
  in.Close();
  to.Close();

  ChildEnd end;
  const absl::Time last = absl::Now() + limits.wall;
  std::vector<char> buffer(64 << 10);
  for (bool open = true; open || !child.Ended();) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    if (absl::Now() >= last) {
      end.out_of_time = true;
      child.Kill();
      return end;
    }
    if (!open) {  // it has closed its output and is about to end
      absl::SleepFor(absl::Milliseconds(1));
      continue;
    }
    pollfd waiting = {from.get(), POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(kTick)));
    if (ready <= 0) continue;
    const ssize_t count = read(from.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      open = false;
      continue;
    }
    const int64_t room = limits.output_bytes - static_cast<int64_t>(end.output.size());
    end.output.append(buffer.data(), static_cast<size_t>(std::min<int64_t>(count, room)));
    if (count > room) {
      end.too_much_output = true;
      child.Kill();
      return end;
    }
  }
  if (WIFSIGNALED(child.status())) end.signal = WTERMSIG(child.status());
  if (WIFEXITED(child.status())) end.exit_status = WEXITSTATUS(child.status());
  return end;
}

std::string BesideThisProgram(std::string_view name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

}  // namespace precis::index
