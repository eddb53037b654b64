#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "convert/common.h"
#include "convert/index.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "roles/retriever_services.h"
#include "runtime/server_stream.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr int kDefaultPage = 100, kMaxPage = 1000;
constexpr int64_t kMaxPageBytes = 3 << 20;  // of documents in one reply
constexpr int64_t kMaxTextBytes = 3 << 20;  // of one GetDocument
constexpr int64_t kMaxPartBytes = 1 << 20;  // of one part of an export
constexpr size_t kExportQueue = 4;          // parts that wait for the client

template <class Request>
absl::StatusOr<index::DocumentKey> KeyOf(const Request& request) {
  if (!request.document_id().empty()) return index::DocumentKey{request.document_id(), ""};
  if (!request.uri().empty()) return index::DocumentKey{"", request.uri()};
  return FieldError("key", "is not set: name the document by document_id or uri");
}

absl::StatusOr<std::optional<index::Filter>> FilterOf(bool has, const v1::Filter& filter) {
  if (!has) return std::optional<index::Filter>();
  PRECIS_ASSIGN_OR_RETURN(index::Filter converted, FromProto(filter));
  return std::optional<index::Filter>(std::move(converted));
}

}  // namespace

grpc::ServerBidiReactor<v1::IngestDocumentsRequest, v1::IngestDocumentsResponse>* DocumentService::IngestDocuments(
    grpc::CallbackServerContext* context) {
  return MakeIngestCall(parts_, context);
}

grpc::ServerUnaryReactor* DocumentService::GetDocument(grpc::CallbackServerContext* context,
                                                       const v1::GetDocumentRequest* request,
                                                       v1::GetDocumentResponse* reply) {
  return RunUnary(
      parts_.host, "DocumentService/GetDocument", context, reply,
      [this, request, reply](const CallContext&) -> absl::Status {
        PRECIS_ASSIGN_OR_RETURN(const index::DocumentKey key, KeyOf(*request));
        PRECIS_ASSIGN_OR_RETURN(const index::DocumentInfo info,
                                parts_.index.GetDocument(request->tenant(), request->collection(), key));
        if (!request->version_id().empty() && request->version_id() != info.version_id) {
          return absl::FailedPreconditionError(absl::StrCat("version ", info.version_id, " of '", info.uri,
                                                            "' is current, not ", request->version_id()));
        }
        ToProto(info, reply->mutable_document());
        if (!request->include_text() && !request->has_text_range()) return absl::OkStatus();
        std::optional<ByteRange> range;
        if (request->has_text_range()) {
          range = ByteRange{request->text_range().begin(), request->text_range().end()};
          if (range->begin < 0 || range->end < range->begin || range->end > info.text_bytes) {
            return FieldError("text_range", absl::StrCat("is [", range->begin, ", ", range->end,
                                                         "), outside the text of ", info.text_bytes, " bytes"));
          }
        }
        const int64_t bytes = range ? range->size() : info.text_bytes;
        if (request->include_text() && bytes > kMaxTextBytes) {
          return FieldError("text_range", absl::StrCat("is needed, the text has ", info.text_bytes,
                                                       " bytes, a reply takes ", kMaxTextBytes));
        }
        ByteRange actual;
        index::SourceLocation location;
        PRECIS_ASSIGN_OR_RETURN(std::string text, parts_.index.ReadText(request->tenant(), request->collection(), key,
                                                                        range, &actual, &location));
        if (request->include_text()) reply->set_text(std::move(text));
        ToProto(actual, reply->mutable_text_range());
        if (HasLocation(location)) ToProto(location, reply->mutable_location());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* DocumentService::ListDocuments(grpc::CallbackServerContext* context,
                                                         const v1::ListDocumentsRequest* request,
                                                         v1::ListDocumentsResponse* reply) {
  return RunUnary(parts_.host, "DocumentService/ListDocuments", context, reply,
                  [this, request, reply](const CallContext&) -> absl::Status {
                    if (request->page_size() < 0) return FieldError("page_size", "must not be negative");
                    PRECIS_ASSIGN_OR_RETURN(const auto filter, FilterOf(request->has_filter(), request->filter()));
                    int page = request->page_size() == 0 ? kDefaultPage : std::min(request->page_size(), kMaxPage);
                    // A page whose documents do not fit a message is asked for again with fewer: its token must name
                    // the last sent.
                    while (true) {
                      PRECIS_ASSIGN_OR_RETURN(
                          const index::DocumentPage documents,
                          parts_.index.ListDocuments(request->tenant(), request->collection(), filter,
                                                     request->uri_prefix(), page, request->page_token()));
                      reply->Clear();
                      for (const index::DocumentInfo& info : documents.documents) ToProto(info, reply->add_documents());
                      reply->set_next_page_token(documents.next_page_token);
                      reply->set_sequence(documents.sequence);
                      if (page == 1 || static_cast<int64_t>(reply->ByteSizeLong()) <= kMaxPageBytes)
                        return absl::OkStatus();
                      page /= 2;
                    }
                  });
}

grpc::ServerUnaryReactor* DocumentService::DeleteDocument(grpc::CallbackServerContext* context,
                                                          const v1::DeleteDocumentRequest* request,
                                                          v1::DeleteDocumentResponse* reply) {
  return RunUnaryAsync(parts_.host, "DocumentService/DeleteDocument", context, reply,
                       [this, request, reply](const CallContext& call, const Done& done) {
                         if (absl::Status valid = CheckRequestId(request->request_id()); !valid.ok())
                           return done(std::move(valid));
                         v1::DeleteDocumentRequest compare = *request;
                         compare.clear_wait_for_erasure();
                         const auto work = [&]() -> absl::Status {
                           PRECIS_ASSIGN_OR_RETURN(const index::DocumentKey key, KeyOf(*request));
                           PRECIS_ASSIGN_OR_RETURN(
                               const index::DeleteResult deleted,
                               parts_.index.DeleteDocument(request->tenant(), request->collection(), key));
                           reply->set_sequence(deleted.sequence);
                           if (!deleted.document_ids.empty()) reply->set_document_id(deleted.document_ids[0]);
                           return absl::OkStatus();
                         };
                         parts_.memory.Run("DeleteDocument", request->tenant(), request->request_id(), compare, reply,
                                           work, [this, request, reply, call, done](const absl::Status& status) {
                                             EndDelete(parts_.pump, parts_.index, request->wait_for_erasure(), call,
                                                       reply, status, done);
                                           });
                       });
}

grpc::ServerUnaryReactor* DocumentService::DeleteDocumentsByFilter(grpc::CallbackServerContext* context,
                                                                   const v1::DeleteDocumentsByFilterRequest* request,
                                                                   v1::DeleteDocumentsByFilterResponse* reply) {
  return RunUnaryAsync(parts_.host, "DocumentService/DeleteDocumentsByFilter", context, reply,
                       [this, request, reply](const CallContext& call, const Done& done) {
                         if (absl::Status valid = CheckRequestId(request->request_id()); !valid.ok())
                           return done(std::move(valid));
                         v1::DeleteDocumentsByFilterRequest compare = *request;
                         compare.clear_wait_for_erasure();
                         const auto work = [&]() -> absl::Status {
                           if (!request->has_filter()) {
                             return FieldError("filter", "is not set: to delete everything, delete the collection");
                           }
                           if (request->max_documents() < 0) return FieldError("max_documents", "must not be negative");
                           index::DeleteByFilterOptions options;
                           PRECIS_ASSIGN_OR_RETURN(options.filter, FromProto(request->filter()));
                           options.max_sequence = request->max_sequence();
                           options.max_documents = request->max_documents();
                           options.dry_run = request->dry_run();
                           PRECIS_ASSIGN_OR_RETURN(
                               const index::DeleteResult deleted,
                               parts_.index.DeleteDocumentsByFilter(request->tenant(), request->collection(), options));
                           reply->set_document_count(static_cast<int64_t>(deleted.document_ids.size()));
                           if (!request->dry_run() && !deleted.document_ids.empty())
                             reply->set_sequence(deleted.sequence);
                           return absl::OkStatus();
                         };
                         parts_.memory.Run("DeleteDocumentsByFilter", request->tenant(), request->request_id(), compare,
                                           reply, work, [this, request, reply, call, done](const absl::Status& status) {
                                             EndDelete(parts_.pump, parts_.index, request->wait_for_erasure(), call,
                                                       reply, status, done);
                                           });
                       });
}

grpc::ServerWriteReactor<v1::ExportDocumentsResponse>* DocumentService::ExportDocuments(
    grpc::CallbackServerContext* context, const v1::ExportDocumentsRequest* request) {
  using Queue = ServerStreamCall<v1::ExportDocumentsResponse>::Queue;
  return RunServerStream<v1::ExportDocumentsResponse>(
      parts_.host, "DocumentService/ExportDocuments", context, kExportQueue,
      [this, request](const CallContext& call, Queue& out) -> absl::Status {
        PRECIS_ASSIGN_OR_RETURN(const auto filter, FilterOf(request->has_filter(), request->filter()));
        v1::ExportDocumentsResponse last;
        v1::ExportSummary* summary = last.mutable_summary();
        const bool with_chunks = request->include_chunks() || request->include_vectors();
        const auto send = [&](const index::DocumentInfo& info, std::string_view text,
                              const std::vector<index::ExportedChunk>& chunks) {
          v1::ExportDocumentsResponse part;
          ToProto(info, part.mutable_document());
          summary->set_document_count(summary->document_count() + 1);
          if (!out.Write(std::move(part))) return false;
          if (request->include_text()) {
            for (size_t begin = 0; begin < text.size();) {
              const size_t end = FloorToCharBoundary(text, std::min(text.size(), begin + kMaxPartBytes));
              v1::ExportDocumentsResponse piece;
              piece.set_text(std::string(text.substr(begin, end - begin)));
              summary->set_text_bytes(summary->text_bytes() + static_cast<int64_t>(end - begin));
              if (!out.Write(std::move(piece))) return false;
              begin = end;
            }
          }
          for (const index::ExportedChunk& chunk : chunks) {
            if (!with_chunks) break;
            v1::ExportDocumentsResponse piece;
            v1::ExportedChunk* to = piece.mutable_chunk();
            to->set_chunk_id(chunk.chunk_id);
            to->set_ordinal(chunk.ordinal);
            ToProto(chunk.range, to->mutable_range());
            for (const std::string& heading : chunk.heading_path) to->add_heading_path(heading);
            to->set_token_count(chunk.tokens);
            if (HasLocation(chunk.location)) ToProto(chunk.location, to->mutable_location());
            if (request->include_vectors()) to->mutable_vector()->Add(chunk.vector.begin(), chunk.vector.end());
            summary->set_chunk_count(summary->chunk_count() + 1);
            if (!out.Write(std::move(piece))) return false;
          }
          return true;
        };
        PRECIS_ASSIGN_OR_RETURN(const uint64_t sequence,
                                parts_.index.Export(request->tenant(), request->collection(), filter,
                                                    request->include_vectors(), call, send));
        PRECIS_RETURN_IF_ERROR(call.Check());
        summary->set_sequence(sequence);
        if (!out.Write(std::move(last))) return absl::CancelledError("the client is gone");
        return absl::OkStatus();
      });
}

}  // namespace precis::services
