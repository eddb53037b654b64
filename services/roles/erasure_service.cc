#include "roles/erasure_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "runtime/status.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

constexpr int kMaxRecords = 1000;

}  // namespace

ErasureService::ErasureService(std::vector<std::shared_ptr<cache::TaggedCache>> caches,
                               std::vector<std::shared_ptr<cache::NamedStore>> stores, Metrics& metrics)
    : caches_(std::move(caches)),
      stores_(std::move(stores)),
      executor_("erasure", 1, 64),
      host_{"erasure", &executor_, &metrics, 4 << 20, false} {}

grpc::ServerUnaryReactor* ErasureService::Erase(grpc::CallbackServerContext* context, const v1::EraseRequest* request,
                                                v1::EraseResponse* reply) {
  return RunUnary(host_, "ErasureService/Erase", context, reply, [this, request, reply](const CallContext&) {
    if (request->records_size() > kMaxRecords) {
      return FieldError("records",
                        absl::StrCat("has ", request->records_size(), " entries, the limit is ", kMaxRecords));
    }
    std::vector<cache::Erasure> erasures;
    for (const v1::ErasureRecord& record : request->records()) {
      erasures.push_back({record.tenant(), record.document_id(), record.delete_epoch()});
    }
    uint64_t acknowledged = ~uint64_t{0};
    for (const auto& cache : caches_) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t removed, cache->Erase(erasures));
      reply->set_removed_entries(reply->removed_entries() + removed);
      acknowledged = std::min(acknowledged, cache->erased_epoch());
    }
    for (const auto& store : stores_) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t removed, store->Erase(erasures));
      reply->set_removed_entries(reply->removed_entries() + removed);
      acknowledged = std::min(acknowledged, store->erased_epoch());
    }
    reply->set_acknowledged_epoch(acknowledged);
    return absl::OkStatus();
  });
}

void FillCache(const std::string& name, const cache::TaggedCache& cache, int64_t capacity, v1::RoleStats* role) {
  const cache::CacheStats stats = cache.stats();
  v1::CacheStats* out = role->add_caches();
  out->set_name(name);
  out->set_entry_count(stats.entries);
  out->set_size_bytes(stats.bytes);
  out->set_capacity_bytes(capacity);
  out->set_hit_count(stats.hits);
  out->set_miss_count(stats.misses);
  out->set_evicted_count(stats.evicted);
  out->set_erased_count(stats.erased);
  out->set_acknowledged_epoch(cache.erased_epoch());
  out->set_stored_count(stats.stored);
  out->set_refused_count(stats.refused);
}

void AppendCacheSamples(const std::string& name, const cache::TaggedCache& cache, std::vector<Sample>* samples) {
  const cache::CacheStats stats = cache.stats();
  const auto add = [&](const char* metric, int64_t value, bool counter) {
    samples->push_back({metric, {{"cache", name}}, static_cast<double>(value), counter});
  };
  add("precis_cache_entries", stats.entries, false);
  add("precis_cache_bytes", stats.bytes, false);
  add("precis_cache_hits_total", stats.hits, true);
  add("precis_cache_misses_total", stats.misses, true);
  add("precis_cache_stored_total", stats.stored, true);
  add("precis_cache_refused_total", stats.refused, true);
  add("precis_cache_evicted_total", stats.evicted, true);
  add("precis_cache_erased_total", stats.erased, true);
}

}  // namespace precis::services
