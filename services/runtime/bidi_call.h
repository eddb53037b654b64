// The base of bidirectional calls. Messages are handed over one by one on a gRPC thread; the derived class passes work
// on to the executor and decides when the next message is read, which is what slows a fast client down.
#pragma once

#include <string>
#include <utility>

#include "runtime/call_scope.h"
#include "runtime/outgoing.h"
#include "runtime/status.h"

namespace precis::services {

// The derived class calls ReadNext() once to begin, later after each message when it has room, and End() once.
template <class Request, class Response>
class BidiCall : public grpc::ServerBidiReactor<Request, Response> {
 public:
  BidiCall(const Host& host, const char* method, grpc::CallbackServerContext* context, size_t limit)
      : scope_(host, method, context), outgoing_(this, limit) {}

 protected:
  // Both on a gRPC thread: they do not block. OnEnd: the client has sent everything, or is gone (then call().Check()
  // says so).
  virtual void OnMessage(Request* message) = 0;
  virtual void OnEnd() = 0;
  // The client has left, or its deadline has passed; call().Check() says so already.
  virtual void OnLeft() {}

  const Host& host() const { return scope_.host(); }
  const CallContext& call() const { return scope_.call(); }
  Outgoing<grpc::ServerBidiReactor<Request, Response>, Response>& outgoing() { return outgoing_; }

  void ReadNext() {
    incoming_.Clear();
    this->StartRead(&incoming_);
  }

  // Nothing may be touched afterwards.
  void End(const absl::Status& status) {
    const grpc::Status result = ToGrpc(status);
    scope_.Finished(result);
    outgoing_.End(result);
  }

 private:
  void OnReadDone(bool ok) final { ok ? OnMessage(&incoming_) : OnEnd(); }
  void OnWriteDone(bool ok) final {
    if (!ok) scope_.call().Cancel();
    outgoing_.OnWriteDone(ok);
  }
  void OnCancel() final {
    scope_.call().Cancel();
    outgoing_.OnCancel();
    OnLeft();
  }
  void OnDone() final { delete this; }

  const CallScope scope_;
  Outgoing<grpc::ServerBidiReactor<Request, Response>, Response> outgoing_;
  Request incoming_;
};

}  // namespace precis::services
