#include "gateway/proxy.h"

#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "grpcpp/generic/generic_stub.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

using grpc::ByteBuffer;

// "/precis.v1.RetrievalService/Search" -> "RetrievalService/Search", as the services' own calls are named.
std::string Label(const std::string& method) {
  constexpr char kOwnPackage[] = "/precis.v1.";
  return absl::StartsWith(method, kOwnPackage) ? method.substr(sizeof(kOwnPackage) - 1) : method.substr(1);
}

// One forwarded call. The client's half is this reactor, the role's half the member `role_`; the object lives until the
// client's half is done, which is after the role's half, whose end is what finishes it.
class ProxyCall final : public grpc::ServerGenericBidiReactor {
 public:
  ProxyCall(const Host& host, grpc::GenericCallbackServerContext* context, Route route)
      : scope_(host, Label(context->method()), context),
        server_context_(context),
        route_(std::move(route)),
        stub_(route_.channel),
        role_(this) {
    SetDeadline(scope_.call().deadline(), &client_context_);
    CopyTraceMetadata(*context, scope_.call().request_id(), &client_context_);
    stub_.PrepareBidiStreamingCall(&client_context_, context->method(), {}, &role_);
    // A hold for each direction: operations begin in the other half's callbacks. OnDone comes when both are gone.
    role_.AddMultipleHolds(2);
    role_.StartCall();
    role_.StartRead(&from_role_);
    StartRead(&from_client_);
  }

 private:
  class RoleHalf final : public grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
   public:
    explicit RoleHalf(ProxyCall* call) : call_(call) {}
    void OnReadDone(bool ok) override { call_->OnRoleMessage(ok); }
    void OnWriteDone(bool ok) override { call_->OnRoleTook(ok); }
    void OnWritesDoneDone(bool) override { call_->CloseSending(); }
    void OnDone(const grpc::Status& status) override { call_->OnRoleDone(status); }

   private:
    ProxyCall* const call_;
  };

  // Client to role.
  void OnReadDone(bool ok) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (sending_closed_) return;  // the role has answered already
      writing_ = true;
      client_closed_ = !ok;
    }
    if (ok) {
      role_.StartWrite(&from_client_);
    } else {
      role_.StartWritesDone();
    }
  }
  void OnRoleTook(bool ok) {
    if (!ok) return CloseSending();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      writing_ = false;
      if (!role_ended_) {
        from_client_.Clear();
        StartRead(&from_client_);
        return;
      }
    }
    CloseSending();
  }
  void CloseSending() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (std::exchange(sending_closed_, true)) return;
    }
    role_.RemoveHold();
  }

  // Role to client.
  void OnRoleMessage(bool ok) {
    if (ok) {
      StartWrite(&from_role_);
      return;
    }
    bool close_sending = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      role_ended_ = true;
      // Nothing may come from the client any more; where a write is under way its end closes.
      close_sending = !writing_;
    }
    if (close_sending) CloseSending();
    role_.RemoveHold();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) client_context_.TryCancel();
    from_role_.Clear();
    role_.StartRead(&from_role_);  // fails at once where the call was cancelled
  }

  void OnRoleDone(const grpc::Status& status) {
    // A role may refuse before the client has closed its side. Within the process (gRPC 1.51's in-process transport)
    // both ends of such a call would stay, some 20 KB, as long as the channel; to cancel what has ended lets go of
    // them.
    if (!ClientClosed()) client_context_.TryCancel();
    for (const auto& [key, value] : client_context_.GetServerTrailingMetadata()) {
      const absl::string_view name(key.data(), key.size());
      if (absl::StartsWith(name, "grpc-")) continue;  // gRPC sends its own
      server_context_->AddTrailingMetadata(std::string(name), std::string(value.data(), value.size()));
    }
    const grpc::Status result =
        status.ok() || route_.address.empty() ? status : ToGrpc(FromRole(status, route_.role, route_.address));
    scope_.Finished(result);
    Finish(result);
  }

  bool ClientClosed() {
    std::lock_guard<std::mutex> lock(mutex_);
    return client_closed_;
  }

  void OnCancel() override { client_context_.TryCancel(); }
  void OnDone() override { delete this; }

  const CallScope scope_;
  grpc::GenericCallbackServerContext* const server_context_;
  const Route route_;
  grpc::ClientContext client_context_;
  grpc::TemplatedGenericStub<ByteBuffer, ByteBuffer> stub_;
  RoleHalf role_;
  ByteBuffer from_client_, from_role_;

  std::mutex mutex_;
  bool client_closed_ = false;   // the client's end was passed on
  bool writing_ = false;         // a message or the end is on its way to the role
  bool sending_closed_ = false;  // the hold of this direction is given back
  bool role_ended_ = false;      // the role sends no more messages
};

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  Refusal(const Host& host, grpc::GenericCallbackServerContext* context, const grpc::Status& status) {
    CallScope(host, "unknown", context).Finished(status);
    Finish(status);
  }
  void OnDone() override { delete this; }
};

}  // namespace

Proxy::Proxy(const Host& host, Router route) : host_(host), route_(std::move(route)) {}

grpc::ServerGenericBidiReactor* Proxy::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const std::string& method = context->method();  // "/package.Service/Method"
  Route route = route_(method.empty() ? method : method.substr(1));
  if (route.channel == nullptr) return new Refusal(host_, context, route.refusal);
  return new ProxyCall(host_, context, std::move(route));
}

}  // namespace precis::services
