#include "cli/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <set>
#include <thread>

namespace precis::cli {
namespace {

constexpr int kExitInterrupted = 130;

std::atomic<bool> interrupted{false};

struct Registry {
  std::mutex mutex;
  std::set<grpc::ClientContext*> contexts;
};

// Never destroyed: the watching thread may outlive main.
Registry& Contexts() {
  static auto* registry = new Registry;
  return *registry;
}

}  // namespace

void WatchInterrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (;;) {
      int signal = 0;
      if (sigwait(&signals, &signal) != 0) continue;
      if (interrupted.exchange(true)) _exit(kExitInterrupted);
      std::lock_guard lock(Contexts().mutex);
      for (grpc::ClientContext* context : Contexts().contexts) context->TryCancel();
    }
  }).detach();
}

bool Interrupted() { return interrupted.load(); }

CancelOnInterrupt::CancelOnInterrupt(grpc::ClientContext* context) : context_(context) {
  std::lock_guard lock(Contexts().mutex);
  Contexts().contexts.insert(context_);
  if (interrupted.load()) context_->TryCancel();
}

CancelOnInterrupt::~CancelOnInterrupt() {
  std::lock_guard lock(Contexts().mutex);
  Contexts().contexts.erase(context_);
}

}  // namespace precis::cli
