// The role `compressor`: splitting and compression, with the compressed-context cache and the capsules.
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"
#include "roles/capsules.h"
#include "roles/compression_service.h"
#include "roles/erasure_service.h"
#include "roles/open_role.h"
#include "roles/splitting_service.h"

namespace precis::services {
namespace {

constexpr char kCacheName[] = "compressed_context";

class CompressorRole final : public RoleHost {
 public:
  CompressorRole(const RoleContext& context, std::shared_ptr<cache::TaggedCache> cache,
                 std::shared_ptr<cache::NamedStore> capsules)
      : context_(context),
        cache_(std::move(cache)),
        capsule_store_(std::move(capsules)),
        executor_("compressor", static_cast<int>(context.config.compressor_workers),
                  static_cast<int>(context.config.queue_limit)),
        host_{"compressor", &executor_, &context.metrics, context.config.max_message_bytes,
              !context.config.roles.Has(Role::kGateway)},
        encoders_(context.channels, context.models),
        generators_(context.channels, context.models),
        compressors_(encoders_, generators_, cache_, context.models, context.config),
        capsules_(compressors_, *capsule_store_),
        compression_(compressors_, capsules_, host_),
        splitting_(context.models, context.config.encoder, host_) {
    context_.metrics.AddSource([this] {
      std::vector<Sample> samples;
      AppendQueueSamples(executor_.stats(), &samples);
      AppendCacheSamples(kCacheName, *cache_, &samples);
      return samples;
    });
  }

  Role role() const override { return Role::kCompressor; }
  std::vector<grpc::Service*> services() override { return {&compression_, &splitting_}; }
  std::vector<std::shared_ptr<cache::TaggedCache>> caches() override { return {cache_}; }
  std::vector<std::shared_ptr<cache::NamedStore>> named_stores() override { return {capsule_store_}; }
  std::vector<std::pair<std::string, bool>> Health() override {
    return {{"precis.v1.CompressionService", true}, {"precis.v1.SplittingService", true}};
  }

  void Stats(const std::string&, v1::RoleStats* stats, v1::StatsResponse* totals) override {
    FillQueue(executor_.stats(), stats);
    FillCache(kCacheName, *cache_, context_.config.context_cache_bytes, stats);
    totals->set_tokens_saved(static_cast<int64_t>(context_.metrics.Total("precis_tokens_saved_total", {})));
  }

  void Drain() override { executor_.Drain(); }

 private:
  const RoleContext& context_;
  const std::shared_ptr<cache::TaggedCache> cache_;
  const std::shared_ptr<cache::NamedStore> capsule_store_;
  Executor executor_;
  const Host host_;
  RemoteEncoders encoders_;
  RemoteGenerators generators_;
  Compressors compressors_;
  Capsules capsules_;
  CompressionService compression_;
  SplittingService splitting_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RoleHost>> OpenCompressorRole(const RoleContext& context) {
  PRECIS_RETURN_IF_ERROR(MakeFolders(context.config.data_dir));
  PRECIS_ASSIGN_OR_RETURN(
      std::shared_ptr<cache::TaggedCache> cache,
      cache::TaggedCache::Open({context.config.data_dir + "/cache-context", context.config.context_cache_bytes}));
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<cache::NamedStore> capsules,
                          cache::NamedStore::Open({context.config.data_dir + "/capsules", "capsule"}));
  return std::make_unique<CompressorRole>(context, std::move(cache), std::move(capsules));
}

}  // namespace precis::services
