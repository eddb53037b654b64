// The binary as a process: exit codes, its one line, signals.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "daemon/health_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A started precisd; its output is read through a pipe.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PRECISD_PATH);
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(pipe_ends[1], STDOUT_FILENO);
      dup2(pipe_ends[1], STDERR_FILENO);
      close(pipe_ends[0]);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(pipe_ends[1]);
    output_ = pipe_ends[0];
  }
  ~Process() {
    if (pid_ > 0 && !waited_) {
      kill(pid_, SIGKILL);
      Wait();
    }
    close(output_);
  }

  // Reads until `text` has come, the output ends, or ten seconds are over; returns all that came.
  std::string ReadUntil(const std::string& text) {
    while (all_.find(text) == std::string::npos) {
      pollfd readable{output_, POLLIN, 0};
      char buffer[4096];
      if (poll(&readable, 1, 10'000) <= 0) break;
      const ssize_t count = read(output_, buffer, sizeof(buffer));
      if (count <= 0) break;
      all_.append(buffer, static_cast<size_t>(count));
    }
    return all_;
  }
  void Signal(int signal) { kill(pid_, signal); }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    waited_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  bool waited_ = false;
  std::string all_;
};

std::vector<std::string> Arguments(const TempFolder& folder, const std::vector<std::string>& more = {}) {
  std::vector<std::string> all = {"--listen=127.0.0.1:0", "--metrics-listen=", "--data-dir=" + folder.path() + "/data",
                                  "--models-dir=" + folder.path() + "/models", "--log-level=error"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Process, VersionAndMistakes) {
  TempFolder folder;
  Process version({"--version"});
  EXPECT_THAT(version.ReadUntil("\n"), StartsWith("precisd "));
  EXPECT_EQ(version.Wait(), 0);

  Process unknown({"--no-such-key=1"});
  EXPECT_THAT(unknown.ReadUntil("\n"), HasSubstr("no-such-key"));
  EXPECT_EQ(unknown.Wait(), 2);

  Process open(Arguments(folder, {"--listen=0.0.0.0:0"}));
  EXPECT_THAT(open.ReadUntil("\n"), HasSubstr("--insecure-listen"));
  EXPECT_EQ(open.Wait(), 2);
}

TEST(Process, StartsWithOneLineAndStopsOnASignal) {
  TempFolder folder;
  Process server(Arguments(folder));
  const std::string line = server.ReadUntil("models=");
  ASSERT_THAT(line, HasSubstr("roles=all listening on 127.0.0.1:"));
  const size_t begin = line.find("listening on ") + 13;
  const std::string address = line.substr(begin, line.find(' ', begin) - begin);
  std::string detail;
  EXPECT_TRUE(IsServing(address, "", &detail)) << detail;

  Process health({"--health", address});
  EXPECT_EQ(health.Wait(), 0);
  Process other_health({"--health=" + address, "--health-service=precis.v1.EmbeddingService"});
  EXPECT_EQ(other_health.Wait(), 1) << "there is no encoder in this models folder";

  Process second(Arguments(folder));
  EXPECT_THAT(second.ReadUntil("\n"), HasSubstr(folder.path()));
  EXPECT_EQ(second.Wait(), 1);

  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  Process gone({"--health", address});
  EXPECT_EQ(gone.Wait(), 1);
}

TEST(Process, TheFolderIsFreeAfterAKill) {
  TempFolder folder;
  Process killed(Arguments(folder));
  ASSERT_THAT(killed.ReadUntil("models="), HasSubstr("listening"));
  killed.Signal(SIGKILL);
  EXPECT_EQ(killed.Wait(), -SIGKILL);
  Process again(Arguments(folder));
  EXPECT_THAT(again.ReadUntil("models="), HasSubstr("listening"));
  again.Signal(SIGINT);
  EXPECT_EQ(again.Wait(), 0);
}

}  // namespace
}  // namespace precis::services
