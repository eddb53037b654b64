// Ctrl-C: the first one cancels the running call, so that the server frees what it used; the second one ends at once.
#pragma once

#include <grpcpp/client_context.h>

namespace precis::cli {

// Watches SIGINT and SIGTERM from now on, with a thread of its own. Call once, before any other thread starts.
void WatchInterrupts();
bool Interrupted();

// While it lives, an interrupt cancels the context.
class CancelOnInterrupt {
 public:
  explicit CancelOnInterrupt(grpc::ClientContext* context);
  ~CancelOnInterrupt();
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;
  CancelOnInterrupt& operator=(const CancelOnInterrupt&) = delete;

 private:
  grpc::ClientContext* context_;
};

}  // namespace precis::cli
