// What the daemon sees of a role.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/channels.h"
#include "config/config.h"
#include "grpcpp/grpcpp.h"
#include "models/model_source.h"
#include "precis/cache/named_store.h"
#include "precis/cache/tagged_cache.h"
#include "precis/v1/admin.pb.h"
#include "runtime/call_scope.h"
#include "runtime/metrics.h"

namespace precis::services {

// What a role is made from. All of it outlives the role.
struct RoleContext {
  const Config& config;
  const ModelSource& models;
  const Channels& channels;
  Metrics& metrics;
};

class RoleHost {
 public:
  virtual ~RoleHost() = default;

  virtual Role role() const = 0;
  // To be registered; owned by the role.
  virtual std::vector<grpc::Service*> services() = 0;
  // Caches of things made from documents: deletes reach them by the process's ErasureService.
  virtual std::vector<std::shared_ptr<cache::TaggedCache>> caches() { return {}; }
  // Resources made from documents, which deletes reach in the same way.
  virtual std::vector<std::shared_ptr<cache::NamedStore>> named_stores() { return {}; }
  // Full names of those services whose health is told apart, with whether they can work now.
  virtual std::vector<std::pair<std::string, bool>> Health() = 0;
  // After the channels are there: threads of its own may begin.
  virtual void Start() {}
  // Fills in what only the role knows: disk, caches, queues, detail; and the totals of the reply. May block.
  virtual void Stats(const std::string& tenant, v1::RoleStats* stats, v1::StatsResponse* totals) = 0;
  // No call comes any more: ends own threads, waits for accepted work.
  virtual void Drain() = 0;
};

// Numbers of a queue, as Stats and /metrics have them.
void FillQueue(const ExecutorStats& stats, v1::RoleStats* role);
void AppendQueueSamples(const ExecutorStats& stats, std::vector<Sample>* samples);

}  // namespace precis::services
