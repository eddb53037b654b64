#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "convert/common.h"
#include "convert/index.h"
#include "precis/base/status_macros.h"
#include "roles/retriever_services.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr int kDefaultPage = 100, kMaxPage = 1000;

}  // namespace

absl::Status CheckRequestId(const std::string& request_id) {
  const bool printable =
      std::all_of(request_id.begin(), request_id.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (request_id.size() <= 128 && printable) return absl::OkStatus();
  return FieldError("request_id", "must be at most 128 printable ASCII bytes");
}

grpc::ServerUnaryReactor* CollectionService::CreateCollection(grpc::CallbackServerContext* context,
                                                              const v1::CreateCollectionRequest* request,
                                                              v1::CreateCollectionResponse* reply) {
  return RunUnaryAsync(
      parts_.host, "CollectionService/CreateCollection", context, reply,
      [this, request, reply](const CallContext&, const Done& done) {
        if (absl::Status valid = CheckRequestId(request->request_id()); !valid.ok()) return done(std::move(valid));
        const auto work = [&]() -> absl::Status {
          PRECIS_ASSIGN_OR_RETURN(const index::CollectionInfo info, parts_.index.CreateCollection(FromProto(*request)));
          ToProto(info, reply->mutable_collection());
          return absl::OkStatus();
        };
        parts_.memory.Run("CreateCollection", request->tenant(), request->request_id(), *request, reply, work, done);
      });
}

grpc::ServerUnaryReactor* CollectionService::GetCollection(grpc::CallbackServerContext* context,
                                                           const v1::GetCollectionRequest* request,
                                                           v1::GetCollectionResponse* reply) {
  return RunUnary(parts_.host, "CollectionService/GetCollection", context, reply,
                  [this, request, reply](const CallContext&) {
                    PRECIS_ASSIGN_OR_RETURN(const index::CollectionInfo info,
                                            parts_.index.GetCollection(request->tenant(), request->name()));
                    ToProto(info, reply->mutable_collection());
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* CollectionService::ListCollections(grpc::CallbackServerContext* context,
                                                             const v1::ListCollectionsRequest* request,
                                                             v1::ListCollectionsResponse* reply) {
  return RunUnary(parts_.host, "CollectionService/ListCollections", context, reply,
                  [this, request, reply](const CallContext&) -> absl::Status {
                    if (request->page_size() < 0) return FieldError("page_size", "must not be negative");
                    const int page =
                        request->page_size() == 0 ? kDefaultPage : std::min(request->page_size(), kMaxPage);
                    const std::string list = "collections of " + request->tenant();
                    std::string after;
                    if (!request->page_token().empty()) {
                      PRECIS_ASSIGN_OR_RETURN(after, ReadPageToken(list, request->page_token()));
                    }
                    PRECIS_ASSIGN_OR_RETURN(const auto collections, parts_.index.ListCollections(request->tenant()));
                    for (const index::CollectionInfo& info : collections) {
                      if (info.options.name <= after) continue;
                      if (reply->collections_size() == page) {
                        reply->set_next_page_token(MakePageToken(list, reply->collections(page - 1).name()));
                        break;
                      }
                      ToProto(info, reply->add_collections());
                    }
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* CollectionService::DeleteCollection(grpc::CallbackServerContext* context,
                                                              const v1::DeleteCollectionRequest* request,
                                                              v1::DeleteCollectionResponse* reply) {
  return RunUnaryAsync(parts_.host, "CollectionService/DeleteCollection", context, reply,
                       [this, request, reply](const CallContext& call, const Done& done) {
                         if (absl::Status valid = CheckRequestId(request->request_id()); !valid.ok())
                           return done(std::move(valid));
                         v1::DeleteCollectionRequest compare = *request;
                         compare.clear_wait_for_erasure();
                         const auto work = [&]() -> absl::Status {
                           PRECIS_ASSIGN_OR_RETURN(const index::DeleteResult deleted,
                                                   parts_.index.DeleteCollection(request->tenant(), request->name()));
                           reply->set_sequence(deleted.sequence);
                           reply->set_document_count(static_cast<int64_t>(deleted.document_ids.size()));
                           return absl::OkStatus();
                         };
                         parts_.memory.Run("DeleteCollection", request->tenant(), request->request_id(), compare, reply,
                                           work, [this, request, reply, call, done](const absl::Status& status) {
                                             EndDelete(parts_.pump, parts_.index, request->wait_for_erasure(), call,
                                                       reply, status, done);
                                           });
                       });
}

grpc::ServerWriteReactor<v1::TuneCollectionResponse>* CollectionService::TuneCollection(
    grpc::CallbackServerContext*, const v1::TuneCollectionRequest*) {
  return AnswerStream<v1::TuneCollectionResponse>(NotYet("TuneCollection"));
}

}  // namespace precis::services
