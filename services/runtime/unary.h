// Unary calls: the work runs on the role's executor, a leaving client cancels it.
#pragma once

#include <functional>
#include <string>

#include "google/protobuf/message.h"
#include "grpcpp/grpcpp.h"
#include "runtime/call_scope.h"

namespace precis::services {

// Answers with what `work` returns. Request and reply of the handler live until then. A reply above the host's message
// limit becomes RESOURCE_EXHAUSTED with both sizes.
grpc::ServerUnaryReactor* RunUnary(const Host& host, const char* method, grpc::CallbackServerContext* context,
                                   const google::protobuf::Message* reply,
                                   std::function<absl::Status(const CallContext&)> work);

// The same for work that ends later on another thread: it calls `done` exactly once, from anywhere.
using Done = std::function<void(absl::Status)>;
grpc::ServerUnaryReactor* RunUnaryAsync(const Host& host, const char* method, grpc::CallbackServerContext* context,
                                        const google::protobuf::Message* reply,
                                        std::function<void(const CallContext&, Done)> work);

// As RunUnaryAsync, but started at once on gRPC's thread: `work` only starts other calls.
grpc::ServerUnaryReactor* RunUnaryInline(const Host& host, const char* method, grpc::CallbackServerContext* context,
                                         const google::protobuf::Message* reply,
                                         std::function<void(const CallContext&, Done)> work);

// For RPCs that a later version will serve: UNIMPLEMENTED with a sentence.
grpc::Status NotYet(const char* what);
grpc::ServerUnaryReactor* AnswerUnary(grpc::CallbackServerContext* context, const grpc::Status& status);

template <class Response>
grpc::ServerWriteReactor<Response>* AnswerStream(const grpc::Status& status) {
  class Reactor final : public grpc::ServerWriteReactor<Response> {
   public:
    explicit Reactor(const grpc::Status& status) { this->Finish(status); }
    void OnDone() override { delete this; }
  };
  return new Reactor(status);
}

}  // namespace precis::services
