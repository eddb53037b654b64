// PrepareCollection: the passages of each document go through the compressor ahead of the questions, so that its caches
// have what does not depend on a question. Runs where documents are worked on; the compressor's role does the work.
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/common.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/index/names.h"
#include "precis/v1/compression.grpc.pb.h"
#include "roles/retriever_services.h"
#include "runtime/server_stream.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr int kMaxBudgets = 16;
constexpr size_t kQueue = 16;
constexpr absl::Duration kProgressInterval = absl::Milliseconds(100);

// Cancels calls to another role when the client leaves, while a thread waits in one.
class Watch {
 public:
  Watch(const CallContext& call, grpc::ClientContext& context)
      : thread_([&call, &context](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            if (absl::IsCancelled(call.Check())) return context.TryCancel();
            absl::SleepFor(absl::Milliseconds(10));
          }
        }) {}

 private:
  std::jthread thread_;
};

class Preparation {
 public:
  using Queue = ServerStreamCall<v1::PrepareCollectionResponse>::Queue;

  Preparation(const RetrieverParts& parts, const v1::PrepareCollectionRequest& request, const CallContext& call,
              Queue& queue)
      : parts_(parts), request_(request), call_(call), queue_(queue) {}

  absl::Status Run() {
    PRECIS_RETURN_IF_ERROR(Check());
    channel_ = parts_.channels.Get(Role::kCompressor);
    PRECIS_RETURN_IF_ERROR(CheckMethod());
    const absl::Time start = absl::Now();
    // Read before any text: what is deleted from here on is not kept.
    PRECIS_ASSIGN_OR_RETURN(const index::IndexStats stats, parts_.index.Stats());
    read_epoch_ = stats.sequence;
    absl::Status status;
    const auto exported = parts_.index.Export(request_.tenant(), request_.name(), std::nullopt, false, call_,
                                              [&](const index::DocumentInfo& document, std::string_view text,
                                                  const std::vector<index::ExportedChunk>& chunks) {
                                                status = Prepare(document, text, chunks);
                                                return status.ok();
                                              });
    PRECIS_RETURN_IF_ERROR(status);
    PRECIS_RETURN_IF_ERROR(exported.status());
    v1::PrepareCollectionResponse last;
    v1::PrepareResult* result = last.mutable_result();
    result->set_prepared_count(prepared_);
    result->set_cache_hits(hits_);
    ToProto("prepare", absl::Now() - start, result->add_timings());
    if (!queue_.Write(std::move(last))) return absl::CancelledError("the client is gone");
    return absl::OkStatus();
  }

 private:
  absl::Status Check() {
    PRECIS_RETURN_IF_ERROR(CheckRequestId(request_.request_id()));
    PRECIS_ASSIGN_OR_RETURN(const index::CollectionInfo info,
                            parts_.index.GetCollection(request_.tenant(), request_.name()));
    documents_ = info.documents;
    if (request_.method().empty()) return FieldError("method", "is empty: name one, such as 'crag'");
    if (request_.budget_tokens().empty() || request_.budget_tokens_size() > kMaxBudgets) {
      return FieldError("budget_tokens", absl::StrCat("has ", request_.budget_tokens_size(),
                                                      " entries, it must have 1 to ", kMaxBudgets));
    }
    for (const int64_t budget : request_.budget_tokens()) {
      if (budget < 1) return FieldError("budget_tokens", absl::StrCat("has ", budget, ", each must be at least 1"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckMethod() {
    grpc::ClientContext context;
    SetUp(&context);
    v1::ListMethodsResponse methods;
    const grpc::Status status = v1::CompressionService::NewStub(channel_.channel)->ListMethods(&context, {}, &methods);
    if (!status.ok()) return FromRole(status, RoleName(Role::kCompressor), channel_.address);
    for (const v1::Method& method : methods.methods()) {
      if (method.name() != request_.method() || !method.needs_query()) continue;
      return FieldError("method",
                        absl::StrCat("is '", method.name(), "', which needs a query: nothing can be made ahead"));
    }
    return absl::OkStatus();  // the compressor knows which methods there are
  }

  void SetUp(grpc::ClientContext* context) const {
    SetDeadline(call_.deadline(), context);
    context->AddMetadata(kRequestIdMetadata, call_.request_id());
  }

  absl::Status Prepare(const index::DocumentInfo& document, std::string_view text,
                       const std::vector<index::ExportedChunk>& chunks) {
    std::vector<v1::Passage> passages;
    for (const index::ExportedChunk& chunk : chunks) {
      v1::Passage& passage = passages.emplace_back();
      passage.set_document_id(document.document_id);
      passage.set_version_id(document.version_id);
      passage.set_uri(document.uri);
      passage.set_title(document.title);
      for (const std::string& heading : chunk.heading_path) passage.add_heading_path(heading);
      passage.set_ordinal(chunk.ordinal);
      passage.set_text(std::string(Slice(text, chunk.range)));
      ToProto(chunk.range, passage.mutable_range());
    }
    for (const int64_t budget : request_.budget_tokens()) {
      PRECIS_RETURN_IF_ERROR(Report());
      if (!passages.empty()) PRECIS_RETURN_IF_ERROR(Compress(passages, budget));
    }
    ++done_;
    return absl::OkStatus();
  }

  absl::Status Compress(const std::vector<v1::Passage>& passages, int64_t budget) {
    grpc::ClientContext context;
    SetUp(&context);
    const Watch watch(call_, context);
    auto stream = v1::CompressionService::NewStub(channel_.channel)->CompressStream(&context);
    v1::CompressStreamRequest part;
    v1::CompressRequest* start = part.mutable_start();
    start->set_tenant(request_.tenant());
    start->set_read_epoch(read_epoch_);
    v1::CompressionOptions* options = start->mutable_options();
    options->set_budget_tokens(budget);
    options->set_target_model(request_.target_model());
    options->set_fallback_policy(v1::FALLBACK_POLICY_FAIL);
    v1::CompressionStep* step = options->add_steps();
    step->set_method(request_.method());
    *step->mutable_parameters() = request_.parameters();
    bool open = stream->Write(part);
    for (size_t i = 0; i < passages.size() && open; ++i) {
      *part.mutable_passage() = passages[i];
      open = stream->Write(part);
    }
    stream->WritesDone();
    v1::CompressStreamResponse event;
    bool hit = false;
    absl::Status alive;
    while (stream->Read(&event)) {
      if (event.has_result()) hit = event.result().receipt().cache_outcome() == v1::CACHE_OUTCOME_HIT;
      if (alive.ok() && event.has_progress()) alive = Report();
      if (!alive.ok()) context.TryCancel();  // read to the end all the same
    }
    const grpc::Status status = stream->Finish();
    PRECIS_RETURN_IF_ERROR(alive);
    if (!status.ok()) {
      return FromRole(status, RoleName(Role::kCompressor), channel_.address);
    }
    ++prepared_;
    hits_ += hit;
    return absl::OkStatus();
  }

  absl::Status Report() {
    PRECIS_RETURN_IF_ERROR(call_.Check());
    const absl::Time now = absl::Now();
    if (now - last_report_ < kProgressInterval) return absl::OkStatus();
    last_report_ = now;
    v1::PrepareCollectionResponse event;
    event.mutable_progress()->set_stage("prepare");
    event.mutable_progress()->set_done(done_);
    event.mutable_progress()->set_total(documents_);
    return queue_.Write(std::move(event)) ? absl::OkStatus() : absl::CancelledError("the client is gone");
  }

  const RetrieverParts& parts_;
  const v1::PrepareCollectionRequest& request_;
  const CallContext& call_;
  Queue& queue_;
  RoleChannel channel_;
  uint64_t read_epoch_ = 0;
  int64_t documents_ = 0, done_ = 0;
  int64_t prepared_ = 0, hits_ = 0;
  absl::Time last_report_ = absl::InfinitePast();
};

}  // namespace

grpc::ServerWriteReactor<v1::PrepareCollectionResponse>* CollectionService::PrepareCollection(
    grpc::CallbackServerContext* context, const v1::PrepareCollectionRequest* request) {
  return RunServerStream<v1::PrepareCollectionResponse>(parts_.ingest_host, "CollectionService/PrepareCollection",
                                                        context, kQueue,
                                                        [this, request](const CallContext& call, auto& queue) {
                                                          return Preparation(parts_, *request, call, queue).Run();
                                                        });
}

}  // namespace precis::services
