// The capsule RPCs of CompressionService.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "roles/capsules.h"
#include "roles/compression_service.h"
#include "roles/retriever_services.h"
#include "runtime/server_stream.h"
#include "runtime/status.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

constexpr size_t kPartBytes = 1 << 20;
// Parts that may wait for a slow client.
constexpr size_t kExportQueue = 4;

// A mutation on the executor, answered from memory where it is a retry.
template <class Request, class Reply, class Work>
grpc::ServerUnaryReactor* RunMutation(const Host& host, MutationMemory& memory, const char* method,
                                      grpc::CallbackServerContext* context, const Request* request, Reply* reply,
                                      Work work) {
  const std::string rpc = std::string("CompressionService/") + method;
  return RunUnaryAsync(
      host, rpc.c_str(), context, reply,
      [&memory, name = std::string(method), request, reply, work](const CallContext& call, const Done& done) {
        if (absl::Status valid = CheckRequestId(request->request_id()); !valid.ok()) return done(valid);
        memory.Run(
            name, request->tenant(), request->request_id(), *request, reply, [&] { return work(call); }, done);
      });
}

// The header, then the file's bytes; at their end the work begins.
class ImportCall final : public grpc::ServerReadReactor<v1::ImportCapsuleRequest> {
 public:
  ImportCall(Capsules& capsules, MutationMemory& memory, const Host& host, grpc::CallbackServerContext* context,
             v1::ImportCapsuleResponse* reply)
      : capsules_(capsules), memory_(memory), scope_(host, "CompressionService/ImportCapsule", context), reply_(reply) {
    StartRead(&message_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return OnEnd();
    if (absl::Status status = Accept(); !status.ok()) return End(status);
    message_.Clear();
    StartRead(&message_);
  }

  absl::Status Accept() {
    switch (message_.part_case()) {
      case v1::ImportCapsuleRequest::kHeader:
        if (started_) return absl::InvalidArgumentError("parts out of order: the header comes once, and first");
        started_ = true;
        header_.Swap(message_.mutable_header());
        return CheckRequestId(header_.request_id());
      case v1::ImportCapsuleRequest::kContent:
        if (!started_) return absl::InvalidArgumentError("parts out of order: the header comes first");
        if (message_.content().size() > kPartBytes) {
          return absl::InvalidArgumentError(
              absl::StrCat("a part has ", message_.content().size(), " bytes, the limit is ", kPartBytes));
        }
        if (static_cast<int64_t>(file_.size() + message_.content().size()) > kMaxCapsuleFileBytes) {
          return absl::ResourceExhaustedError(
              absl::StrCat("the file has more than ", kMaxCapsuleFileBytes, " bytes, which no capsule file has"));
        }
        file_ += message_.content();
        return absl::OkStatus();
      case v1::ImportCapsuleRequest::PART_NOT_SET:
        break;
    }
    return absl::InvalidArgumentError("parts out of order: a message without a part");
  }

  void OnEnd() {
    if (absl::Status alive = scope_.call().Check(); !alive.ok()) return End(alive);
    if (!started_) return End(absl::InvalidArgumentError("the stream ended without a header"));
    const absl::Status accepted = scope_.host().executor->Submit([this] {
      v1::ImportCapsuleRequest compare;
      compare.set_content(header_.SerializeAsString() + file_);
      memory_.Run(
          "ImportCapsule", header_.tenant(), header_.request_id(), compare, reply_,
          [this] { return capsules_.Import(header_, file_, reply_->mutable_capsule()); },
          [this](const absl::Status& status) { End(status); });
    });
    if (!accepted.ok()) End(accepted);
  }

  void End(const absl::Status& status) {
    const grpc::Status result = ToGrpc(status);
    scope_.Finished(result);
    Finish(result);
  }

  void OnCancel() override { scope_.call().Cancel(); }
  void OnDone() override { delete this; }

  Capsules& capsules_;
  MutationMemory& memory_;
  const CallScope scope_;
  v1::ImportCapsuleResponse* const reply_;
  v1::ImportCapsuleRequest message_;
  v1::ImportCapsuleHeader header_;
  std::string file_;
  bool started_ = false;
};

}  // namespace

grpc::ServerUnaryReactor* CompressionService::CreateCapsule(grpc::CallbackServerContext* context,
                                                            const v1::CreateCapsuleRequest* request,
                                                            v1::CreateCapsuleResponse* reply) {
  return RunMutation(host_, memory_, "CreateCapsule", context, request, reply,
                     [this, request, reply](const CallContext& call) {
                       return capsules_.Create(*request, call, *host_.metrics, reply->mutable_capsule());
                     });
}

grpc::ServerUnaryReactor* CompressionService::GetCapsule(grpc::CallbackServerContext* context,
                                                         const v1::GetCapsuleRequest* request,
                                                         v1::GetCapsuleResponse* reply) {
  return RunUnary(host_, "CompressionService/GetCapsule", context, reply, [this, request, reply](const CallContext&) {
    return capsules_.Get(request->tenant(), request->name(), request->version(), reply->mutable_capsule());
  });
}

grpc::ServerUnaryReactor* CompressionService::ListCapsules(grpc::CallbackServerContext* context,
                                                           const v1::ListCapsulesRequest* request,
                                                           v1::ListCapsulesResponse* reply) {
  return RunUnary(host_, "CompressionService/ListCapsules", context, reply,
                  [this, request, reply](const CallContext&) { return capsules_.List(*request, reply); });
}

grpc::ServerUnaryReactor* CompressionService::DeleteCapsule(grpc::CallbackServerContext* context,
                                                            const v1::DeleteCapsuleRequest* request,
                                                            v1::DeleteCapsuleResponse* reply) {
  return RunMutation(host_, memory_, "DeleteCapsule", context, request, reply,
                     [this, request, reply](const CallContext&) { return capsules_.Delete(*request, reply); });
}

grpc::ServerWriteReactor<v1::ExportCapsuleResponse>* CompressionService::ExportCapsule(
    grpc::CallbackServerContext* context, const v1::ExportCapsuleRequest* request) {
  return RunServerStream<v1::ExportCapsuleResponse>(
      host_, "CompressionService/ExportCapsule", context, kExportQueue,
      [this, request](const CallContext& call, auto& queue) -> absl::Status {
        PRECIS_ASSIGN_OR_RETURN(const std::string file, capsules_.Export(*request));
        for (size_t at = 0; at < file.size(); at += kPartBytes) {
          PRECIS_RETURN_IF_ERROR(call.Check());
          v1::ExportCapsuleResponse part;
          part.set_content(file.substr(at, kPartBytes));
          if (!queue.Write(std::move(part))) return absl::CancelledError("the client is gone");
        }
        return absl::OkStatus();
      });
}

grpc::ServerReadReactor<v1::ImportCapsuleRequest>* CompressionService::ImportCapsule(
    grpc::CallbackServerContext* context, v1::ImportCapsuleResponse* reply) {
  return new ImportCall(capsules_, memory_, host_, context, reply);
}

}  // namespace precis::services
