// The channels to the roles: in-process where a role lives here, else over the network.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "config/config.h"
#include "grpcpp/grpcpp.h"

namespace precis::services {

struct RoleChannel {
  std::shared_ptr<grpc::Channel> channel;
  std::string address;  // empty: in this process
};

// Thread-safe.
class Channels {
 public:
  // Channels to the roles that `config` puts elsewhere; they connect by themselves and again after a failure.
  explicit Channels(const Config& config);

  // For the roles of this process, once their server runs.
  void SetLocal(const std::shared_ptr<grpc::Channel>& channel);

  // Never null; before SetLocal a channel on which every call is UNAVAILABLE.
  RoleChannel Get(Role role) const;

 private:
  const RoleSet local_;
  mutable std::mutex mutex_;
  std::array<RoleChannel, kRoleCount> channels_;
};

// Dropping the last channel of a process inside a gRPC callback can abort (grpc issue 32584): keeps one for ever.
void KeepForEver(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace precis::services
