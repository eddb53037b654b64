#include "runtime/unary.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const Host& host, const char* method, grpc::CallbackServerContext* context,
            const google::protobuf::Message* reply)
      : scope_(host, method, context), reply_(reply) {}

  const CallScope& scope() const { return scope_; }

  // The object may be gone when this returns.
  void End(absl::Status status) {
    if (status.ok() && static_cast<int64_t>(reply_->ByteSizeLong()) > scope_.host().max_message_bytes) {
      status = absl::ResourceExhaustedError(absl::StrCat("the reply has ", reply_->ByteSizeLong(),
                                                         " bytes, a message takes ", scope_.host().max_message_bytes,
                                                         ": ask for fewer items or without text"));
    }
    const grpc::Status result = ToGrpc(status);
    scope_.Finished(result);
    Finish(result);
  }

  void OnCancel() override { scope_.call().Cancel(); }
  void OnDone() override { delete this; }

 private:
  const CallScope scope_;
  const google::protobuf::Message* reply_;
};

}  // namespace

grpc::ServerUnaryReactor* RunUnaryInline(const Host& host, const char* method, grpc::CallbackServerContext* context,
                                         const google::protobuf::Message* reply,
                                         std::function<void(const CallContext&, Done)> work) {
  auto* call = new UnaryCall(host, method, context, reply);
  const CallContext call_context = call->scope().call();
  work(call_context, [call](absl::Status status) { call->End(std::move(status)); });
  return call;
}

grpc::ServerUnaryReactor* RunUnaryAsync(const Host& host, const char* method, grpc::CallbackServerContext* context,
                                        const google::protobuf::Message* reply,
                                        std::function<void(const CallContext&, Done)> work) {
  return RunUnaryInline(host, method, context, reply,
                        [&host, work = std::move(work)](const CallContext& call, const Done& done) mutable {
                          const absl::Status accepted = host.executor->Submit([call, done, work = std::move(work)] {
                            if (absl::Status alive = call.Check(); !alive.ok()) return done(std::move(alive));
                            work(call, done);
                          });
                          if (!accepted.ok()) done(accepted);
                        });
}

grpc::ServerUnaryReactor* RunUnary(const Host& host, const char* method, grpc::CallbackServerContext* context,
                                   const google::protobuf::Message* reply,
                                   std::function<absl::Status(const CallContext&)> work) {
  return RunUnaryAsync(host, method, context, reply,
                       [work = std::move(work)](const CallContext& call, const Done& done) { done(work(call)); });
}

grpc::Status NotYet(const char* what) {
  return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, absl::StrCat("this version of precisd has no ", what));
}

grpc::ServerUnaryReactor* AnswerUnary(grpc::CallbackServerContext* context, const grpc::Status& status) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

}  // namespace precis::services
