// CollectionService, DocumentService and RetrievalService over one index.
#pragma once

#include <string>

#include "adapters/channels.h"
#include "precis/index/index.h"
#include "precis/v1/collection.grpc.pb.h"
#include "precis/v1/document.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "roles/mutation_memory.h"
#include "roles/outbox_pump.h"
#include "roles/rerankers.h"
#include "runtime/call_scope.h"
#include "runtime/unary.h"

namespace precis::services {

// What the three share. Everything outlives them.
struct RetrieverParts {
  index::Index& index;
  OutboxPump& pump;
  MutationMemory& memory;
  Rerankers& rerankers;
  const Host& host;         // searches, reads, mutations
  const Host& ingest_host;  // documents in work; apart, so that a search never waits behind a file
  const Channels& channels;
  int64_t max_document_bytes = 64 << 20;
  int ingest_parallel = 4;
};

class CollectionService final : public v1::CollectionService::CallbackService {
 public:
  explicit CollectionService(const RetrieverParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* CreateCollection(grpc::CallbackServerContext*, const v1::CreateCollectionRequest*,
                                             v1::CreateCollectionResponse*) override;
  grpc::ServerUnaryReactor* GetCollection(grpc::CallbackServerContext*, const v1::GetCollectionRequest*,
                                          v1::GetCollectionResponse*) override;
  grpc::ServerUnaryReactor* ListCollections(grpc::CallbackServerContext*, const v1::ListCollectionsRequest*,
                                            v1::ListCollectionsResponse*) override;
  grpc::ServerUnaryReactor* DeleteCollection(grpc::CallbackServerContext*, const v1::DeleteCollectionRequest*,
                                             v1::DeleteCollectionResponse*) override;
  grpc::ServerWriteReactor<v1::PrepareCollectionResponse>* PrepareCollection(
      grpc::CallbackServerContext*, const v1::PrepareCollectionRequest*) override;
  grpc::ServerWriteReactor<v1::TuneCollectionResponse>* TuneCollection(grpc::CallbackServerContext*,
                                                                       const v1::TuneCollectionRequest*) override;

 private:
  const RetrieverParts& parts_;
};

class DocumentService final : public v1::DocumentService::CallbackService {
 public:
  explicit DocumentService(const RetrieverParts& parts) : parts_(parts) {}

  grpc::ServerBidiReactor<v1::IngestDocumentsRequest, v1::IngestDocumentsResponse>* IngestDocuments(
      grpc::CallbackServerContext*) override;
  grpc::ServerUnaryReactor* GetDocument(grpc::CallbackServerContext*, const v1::GetDocumentRequest*,
                                        v1::GetDocumentResponse*) override;
  grpc::ServerUnaryReactor* ListDocuments(grpc::CallbackServerContext*, const v1::ListDocumentsRequest*,
                                          v1::ListDocumentsResponse*) override;
  grpc::ServerUnaryReactor* DeleteDocument(grpc::CallbackServerContext*, const v1::DeleteDocumentRequest*,
                                           v1::DeleteDocumentResponse*) override;
  grpc::ServerUnaryReactor* DeleteDocumentsByFilter(grpc::CallbackServerContext*,
                                                    const v1::DeleteDocumentsByFilterRequest*,
                                                    v1::DeleteDocumentsByFilterResponse*) override;
  grpc::ServerWriteReactor<v1::ExportDocumentsResponse>* ExportDocuments(grpc::CallbackServerContext*,
                                                                         const v1::ExportDocumentsRequest*) override;

 private:
  const RetrieverParts& parts_;
};

class RetrievalService final : public v1::RetrievalService::CallbackService {
 public:
  explicit RetrievalService(const RetrieverParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Search(grpc::CallbackServerContext*, const v1::SearchRequest*,
                                   v1::SearchResponse*) override;
  grpc::ServerUnaryReactor* SearchBatch(grpc::CallbackServerContext*, const v1::SearchBatchRequest*,
                                        v1::SearchBatchResponse*) override;
  grpc::ServerUnaryReactor* ExplainSearch(grpc::CallbackServerContext*, const v1::ExplainSearchRequest*,
                                          v1::ExplainSearchResponse*) override;

 private:
  const RetrieverParts& parts_;
};

// The stream of an IngestDocuments call (ingest_call.cc).
grpc::ServerBidiReactor<v1::IngestDocumentsRequest, v1::IngestDocumentsResponse>* MakeIngestCall(
    const RetrieverParts& parts, grpc::CallbackServerContext* context);

// At most 128 printable ASCII bytes; InvalidArgument otherwise.
absl::Status CheckRequestId(const std::string& request_id);

// The end of every delete: answers at once (HIDDEN, or ERASED where nothing waits any more), or, where the client wants
// to wait, when the caches have acknowledged. Sets the state in `reply`.
template <class Reply>
void EndDelete(OutboxPump& pump, index::Index& index, bool wait, const CallContext& call, Reply* reply,
               const absl::Status& status, const Done& done) {
  if (!status.ok() || reply->sequence() == 0) return done(status);
  pump.Wake();
  if (wait) {
    pump.WhenErased(reply->sequence(), call, [reply, done](const absl::Status& erased) {
      if (erased.ok()) reply->set_state(v1::ERASURE_STATE_ERASED);
      done(erased);
    });
    return;
  }
  const auto erased = index.ErasedUpTo(reply->sequence());
  reply->set_state(erased.ok() && *erased ? v1::ERASURE_STATE_ERASED : v1::ERASURE_STATE_HIDDEN);
  done(absl::OkStatus());
}

}  // namespace precis::services
