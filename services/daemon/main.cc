// precisd: see services/README.md.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "config/config.h"
#include "daemon/daemon.h"
#include "daemon/health_client.h"
#include "daemon/version.h"
#include "grpc/support/log.h"
#include "runtime/log.h"

namespace precis::services {
namespace {

constexpr int kExitFailed = 1;  // could not start, or not serving
constexpr int kExitUsage = 2;   // the command line or the configuration is wrong

// SIGINT and SIGTERM as bytes of a pipe. A handler rather than a blocked signal and sigwait: OpenBLAS starts its
// threads when it is loaded, before main() could block anything, and a signal that such a thread gets would end the
// process.
int stop_pipe[2];

void OnStopSignal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  [[maybe_unused]] const ssize_t written = write(stop_pipe[1], &byte, 1);
  errno = saved;
}

absl::Status CatchStopSignals() {
  if (pipe2(stop_pipe, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe for signals");
  struct sigaction action = {};
  action.sa_handler = OnStopSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return absl::OkStatus();
}

int AwaitStopSignal() {
  unsigned char byte = 0;
  while (read(stop_pipe[0], &byte, 1) < 0 && errno == EINTR) {
  }
  return byte;
}

int Run(const CommandLine& command) {
  if (const absl::Status caught = CatchStopSignals(); !caught.ok()) {
    std::fprintf(stderr, "precisd: %s\n", std::string(caught.message()).c_str());
    return kExitFailed;
  }
  std::signal(SIGPIPE, SIG_IGN);

  const Config& config = command.config;
  SetUpLogging(config.log_level, config.log_format);
  // gRPC writes to standard error by itself; what fails comes to us as a status all the same.
  gpr_set_log_function([](gpr_log_func_args* args) { Log(LogLevel::kDebug, "grpc", {{"message", args->message}}); });
  auto daemon = Daemon::Start(config, EngineModels(config.models_dir));
  if (!daemon.ok()) {
    std::fprintf(stderr, "precisd: %s\n", std::string(daemon.status().message()).c_str());
    return kExitFailed;
  }
  const std::string roles = config.roles.ToString();
  if (config.log_format == "json") {
    Log(LogLevel::kInfo, "listening",
        {{"version", kVersion}, {"roles", roles}, {"address", (*daemon)->address()}, {"data_dir", config.data_dir}});
  } else {
    std::printf("precisd %s roles=%s listening on %s data=%s models=%s\n", kVersion, roles.c_str(),
                (*daemon)->address().c_str(), config.data_dir.c_str(), config.models_dir.c_str());
    std::fflush(stdout);
  }
  const int64_t signal = AwaitStopSignal();
  Log(LogLevel::kInfo, "stopping", {{"signal", signal}, {"grace_ms", config.shutdown_grace_ms}});
  std::thread([] {
    AwaitStopSignal();
    _exit(kExitFailed);  // asked twice: now
  }).detach();
  (*daemon)->Stop();
  Log(LogLevel::kInfo, "stopped");
  // Nothing is left to save, and gRPC's global threads may still be ending.
  std::fflush(nullptr);
  _exit(EXIT_SUCCESS);
}

int Main(const std::vector<std::string>& arguments) {
  const auto command = ParseCommandLine(arguments, [](const char* name) { return std::getenv(name); });
  if (!command.ok()) {
    std::fprintf(stderr, "precisd: %s\n", std::string(command.status().message()).c_str());
    return kExitUsage;
  }
  switch (command->action) {
    case CommandLine::Action::kHelp:
      std::fputs(HelpText().c_str(), stdout);
      return EXIT_SUCCESS;
    case CommandLine::Action::kVersion:
      std::printf("precisd %s\n", kVersion);
      return EXIT_SUCCESS;
    case CommandLine::Action::kHealth: {
      std::string detail;
      if (IsServing(command->health_address, command->health_service, &detail)) return EXIT_SUCCESS;
      std::fprintf(stderr, "precisd: %s\n", detail.c_str());
      return kExitFailed;
    }
    case CommandLine::Action::kRun:
      break;
  }
  return Run(*command);
}

}  // namespace
}  // namespace precis::services

int main(int argc, char** argv) { return precis::services::Main({argv + 1, argv + argc}); }
