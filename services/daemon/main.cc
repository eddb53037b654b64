// precisd: see services/README.md.
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

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

// Waits for SIGINT or SIGTERM, which every thread has blocked.
int AwaitStopSignal(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  return signal;
}

int Run(const CommandLine& command) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread is there, so that all inherit it
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
  const int64_t signal = AwaitStopSignal(signals);
  Log(LogLevel::kInfo, "stopping", {{"signal", signal}, {"grace_ms", config.shutdown_grace_ms}});
  std::thread([&signals] {
    AwaitStopSignal(signals);
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
