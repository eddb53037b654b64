// Server-streaming calls whose work is one function on the role's executor.
#pragma once

#include <functional>
#include <utility>

#include "runtime/call_scope.h"
#include "runtime/outgoing.h"
#include "runtime/status.h"

namespace precis::services {

template <class Response>
class ServerStreamCall final : public grpc::ServerWriteReactor<Response> {
 public:
  using Queue = Outgoing<ServerStreamCall, Response>;
  using Work = std::function<absl::Status(const CallContext&, Queue&)>;

  ServerStreamCall(const Host& host, const char* method, grpc::CallbackServerContext* context, size_t limit, Work work)
      : scope_(host, method, context), queue_(this, limit), work_(std::move(work)) {
    const absl::Status accepted = host.executor->Submit([this] {
      absl::Status alive = scope_.call().Check();
      End(alive.ok() ? work_(scope_.call(), queue_) : std::move(alive));
    });
    if (!accepted.ok()) End(accepted);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) scope_.call().Cancel();
    queue_.OnWriteDone(ok);
  }
  void OnCancel() override {
    scope_.call().Cancel();
    queue_.OnCancel();
  }
  void OnDone() override { delete this; }

 private:
  void End(const absl::Status& status) {
    const grpc::Status result = ToGrpc(status);
    scope_.Finished(result);
    queue_.End(result);
  }

  const CallScope scope_;
  Queue queue_;
  const Work work_;
};

// `limit`: messages that may wait for the client before Write() does.
template <class Response>
grpc::ServerWriteReactor<Response>* RunServerStream(const Host& host, const char* method,
                                                    grpc::CallbackServerContext* context, size_t limit,
                                                    typename ServerStreamCall<Response>::Work work) {
  return new ServerStreamCall<Response>(host, method, context, limit, std::move(work));
}

}  // namespace precis::services
