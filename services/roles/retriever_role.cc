// The role `retriever`: the index, and the pump that carries its deletes to the caches.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "adapters/remote_embedder.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"
#include "roles/open_role.h"
#include "roles/retriever_services.h"
#include "runtime/log.h"

namespace precis::services {
namespace {

class RetrieverRole final : public RoleHost {
 public:
  explicit RetrieverRole(const RoleContext& context)
      : context_(context),
        executor_("retriever", static_cast<int>(context.config.retriever_workers),
                  static_cast<int>(context.config.queue_limit)),
        ingest_executor_("ingest", static_cast<int>(context.config.ingest_parallel),
                         static_cast<int>(context.config.queue_limit)),
        host_{"retriever", &executor_, &context.metrics, context.config.max_message_bytes,
              !context.config.roles.Has(Role::kGateway)},
        ingest_host_{"retriever", &ingest_executor_, &context.metrics, context.config.max_message_bytes,
                     host_.log_calls},
        encoders_(context.channels, context.models),
        generators_(context.channels, context.models),
        rerankers_(context.channels, encoders_, generators_, context.config.scorer) {}

  ~RetrieverRole() override { Drain(); }

  absl::Status Open() {
    PRECIS_RETURN_IF_ERROR(MakeFolders(context_.config.data_dir));
    index::IndexOptions options;
    options.data_dir = context_.config.data_dir + "/index";
    options.max_document_bytes = context_.config.max_document_bytes;
    options.encoder = [this](const std::string& model) { return encoders_.Get(model, CallContext()); };
    PRECIS_ASSIGN_OR_RETURN(index_, index::Index::Open(std::move(options)));
    if (const auto numbers = index_->Stats(); numbers.ok()) {
      for (const std::string& notice : numbers->notices) Log(LogLevel::kWarn, "index", {{"message", notice}});
    }
    pump_ = std::make_unique<OutboxPump>(*index_, context_.channels, context_.metrics);
    parts_.reset(new RetrieverParts{*index_, *pump_, memory_, rerankers_, host_, ingest_host_, context_.channels,
                                    context_.config.max_document_bytes,
                                    static_cast<int>(context_.config.ingest_parallel)});
    collections_ = std::make_unique<CollectionService>(*parts_);
    documents_ = std::make_unique<DocumentService>(*parts_);
    retrieval_ = std::make_unique<RetrievalService>(*parts_);
    context_.metrics.AddSource([this] { return Samples(); });
    return absl::OkStatus();
  }

  Role role() const override { return Role::kRetriever; }
  std::vector<grpc::Service*> services() override { return {collections_.get(), documents_.get(), retrieval_.get()}; }
  std::vector<std::pair<std::string, bool>> Health() override {
    return {{"precis.v1.CollectionService", true},
            {"precis.v1.DocumentService", true},
            {"precis.v1.RetrievalService", true}};
  }
  void Start() override { pump_->Start(); }

  void Stats(const std::string& tenant, v1::RoleStats* stats, v1::StatsResponse* totals) override {
    FillQueue(executor_.stats(), stats);
    FillQueue(ingest_executor_.stats(), stats);
    const auto numbers = index_->Stats();
    if (!numbers.ok()) {
      stats->set_detail(std::string(numbers.status().message()));
      return;
    }
    stats->set_disk_bytes(numbers->disk_bytes);
    stats->set_detail(numbers->notices.empty() ? std::string("serving") : absl::StrJoin(numbers->notices, " "));
    totals->set_sequence(numbers->sequence);
    totals->set_pending_erasures(numbers->erasures_pending);
    const auto collections = index_->ListCollections(tenant);
    if (!collections.ok()) return;
    totals->set_collection_count(static_cast<int64_t>(collections->size()));
    for (const index::CollectionInfo& collection : *collections) {
      totals->set_document_count(totals->document_count() + collection.documents);
      totals->set_chunk_count(totals->chunk_count() + collection.chunks);
    }
  }

  void Drain() override {
    if (pump_ != nullptr) pump_->Stop();
    ingest_executor_.Drain();
    executor_.Drain();
  }

 private:
  std::vector<Sample> Samples() {
    std::vector<Sample> samples;
    AppendQueueSamples(executor_.stats(), &samples);
    AppendQueueSamples(ingest_executor_.stats(), &samples);
    if (const auto numbers = index_->Stats(); numbers.ok()) {
      const auto add = [&](const char* name, int64_t value) {
        samples.push_back({name, {}, static_cast<double>(value), false});
      };
      add("precis_index_documents", numbers->documents);
      add("precis_index_chunks", numbers->chunks);
      add("precis_index_text_bytes", numbers->text_bytes);
      add("precis_index_disk_bytes", numbers->disk_bytes);
      add("precis_index_memory_bytes", numbers->memory_bytes);
      add("precis_index_damaged_documents", numbers->damaged_documents);
      add("precis_erasures_pending", numbers->erasures_pending);
    }
    return samples;
  }

  const RoleContext& context_;
  Executor executor_, ingest_executor_;
  const Host host_, ingest_host_;
  RemoteEncoders encoders_;
  RemoteGenerators generators_;
  Rerankers rerankers_;
  MutationMemory memory_;
  std::unique_ptr<index::Index> index_;
  std::unique_ptr<OutboxPump> pump_;
  std::unique_ptr<RetrieverParts> parts_;
  std::unique_ptr<CollectionService> collections_;
  std::unique_ptr<DocumentService> documents_;
  std::unique_ptr<RetrievalService> retrieval_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RoleHost>> OpenRetrieverRole(const RoleContext& context) {
  auto role = std::make_unique<RetrieverRole>(context);
  PRECIS_RETURN_IF_ERROR(role->Open());
  return role;
}

}  // namespace precis::services
