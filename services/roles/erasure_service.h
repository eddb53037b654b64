// ErasureService of a process with caches or capsules: makes them forget deleted documents.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "precis/cache/named_store.h"
#include "precis/cache/tagged_cache.h"
#include "precis/v1/admin.pb.h"
#include "precis/v1/erasure.grpc.pb.h"
#include "runtime/call_scope.h"

namespace precis::services {

class ErasureService final : public v1::ErasureService::CallbackService {
 public:
  // `caches` and `stores`: all of the process, since its roles share one server and so one ErasureService. An epoch is
  // acknowledged when every one of them has it.
  ErasureService(std::vector<std::shared_ptr<cache::TaggedCache>> caches,
                 std::vector<std::shared_ptr<cache::NamedStore>> stores, Metrics& metrics);

  grpc::ServerUnaryReactor* Erase(grpc::CallbackServerContext* context, const v1::EraseRequest* request,
                                  v1::EraseResponse* reply) override;

 private:
  const std::vector<std::shared_ptr<cache::TaggedCache>> caches_;
  const std::vector<std::shared_ptr<cache::NamedStore>> stores_;
  Executor executor_;  // of its own: a delete waits for it, and must not wait behind batches
  const Host host_;
};

// Numbers of a cache, as Stats and /metrics have them.
void FillCache(const std::string& name, const cache::TaggedCache& cache, int64_t capacity, v1::RoleStats* role);
void AppendCacheSamples(const std::string& name, const cache::TaggedCache& cache, std::vector<Sample>* samples);

}  // namespace precis::services
