// The role `embedder`: encoders with the embedding cache in front.
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/encoder_windows.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"
#include "precis/cache/caching_embedder.h"
#include "roles/embedding_service.h"
#include "roles/erasure_service.h"
#include "roles/open_role.h"
#include "runtime/log.h"

namespace precis::services {
namespace {

constexpr char kCacheName[] = "embedding";

class EmbedderRole final : public RoleHost {
 public:
  EmbedderRole(const RoleContext& context, std::shared_ptr<cache::TaggedCache> cache)
      : context_(context),
        cache_(std::move(cache)),
        executor_("embedder", static_cast<int>(context.config.embedder_workers),
                  static_cast<int>(context.config.queue_limit)),
        host_{"embedder", &executor_, &context.metrics, context.config.max_message_bytes,
              !context.config.roles.Has(Role::kGateway)},
        encoders_([this](const std::string& name) { return Load(name); }),
        scorers_(context.models, context.config),
        embedding_(encoders_, scorers_, context.config.encoder, host_) {
    context_.metrics.AddSource([this] {
      std::vector<Sample> samples;
      AppendQueueSamples(executor_.stats(), &samples);
      AppendCacheSamples(kCacheName, *cache_, &samples);
      return samples;
    });
  }

  Role role() const override { return Role::kEmbedder; }
  std::vector<grpc::Service*> services() override { return {&embedding_}; }

  std::vector<std::shared_ptr<cache::TaggedCache>> caches() override { return {cache_}; }
  std::vector<std::pair<std::string, bool>> Health() override {
    return {{"precis.v1.EmbeddingService", encoders_.Peek(context_.config.encoder) != nullptr}};
  }

  void Start() override {
    const auto loaded = encoders_.Get(context_.config.encoder);
    if (loaded.ok()) return;
    Log(LogLevel::kError, "encoder",
        {{"model", context_.config.encoder},
         {"message", std::string_view(loaded.status().message().data(), loaded.status().message().size())}});
  }

  void Stats(const std::string&, v1::RoleStats* stats, v1::StatsResponse*) override {
    FillQueue(executor_.stats(), stats);
    FillCache(kCacheName, *cache_, context_.config.embedding_cache_bytes, stats);
    const ModelStatus status = encoders_.Status(context_.config.encoder);
    const auto encoder = encoders_.Peek(context_.config.encoder);
    stats->set_detail(encoder == nullptr
                          ? absl::StrCat("encoder ", context_.config.encoder, " is not loaded: ", status.detail)
                          : absl::StrCat("encoder ", encoder->info().name, ", ", encoder->info().dimensions,
                                         " dimensions, ", encoder->info().numeric_mode));
  }

  void Drain() override { executor_.Drain(); }

 private:
  absl::StatusOr<std::shared_ptr<cache::CachingEmbedder>> Load(const std::string& name) {
    PRECIS_ASSIGN_OR_RETURN(const EncoderName parsed, ParseEncoderName(name));
    PRECIS_ASSIGN_OR_RETURN(const std::string path, context_.models.find(parsed.model));
    engine::LoadOptions options;
    options.name = name;
    options.numeric_mode = parsed.numeric_mode;
    options.threads = static_cast<int>(context_.config.threads);
    options.check_weights = context_.config.check_weights;
    PRECIS_ASSIGN_OR_RETURN(const auto windows, ParseEncoderWindows(context_.config.encoder_max_tokens));
    if (const auto own = windows.find(parsed.model); own != windows.end()) options.max_tokens = own->second;
    PRECIS_ASSIGN_OR_RETURN(auto encoder, context_.models.load_embedder(path, options));
    return cache::MakeCachingEmbedder(std::move(encoder), cache_);
  }

  const RoleContext& context_;
  const std::shared_ptr<cache::TaggedCache> cache_;
  Executor executor_;
  const Host host_;
  Encoders encoders_;
  PassageScorers scorers_;
  EmbeddingService embedding_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RoleHost>> OpenEmbedderRole(const RoleContext& context) {
  PRECIS_RETURN_IF_ERROR(MakeFolders(context.config.data_dir));
  PRECIS_ASSIGN_OR_RETURN(
      std::shared_ptr<cache::TaggedCache> cache,
      cache::TaggedCache::Open({context.config.data_dir + "/cache-embedding", context.config.embedding_cache_bytes}));
  return std::make_unique<EmbedderRole>(context, std::move(cache));
}

}  // namespace precis::services
