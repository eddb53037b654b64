#include "adapters/channels.h"

#include <vector>

namespace precis::services {
namespace {

std::shared_ptr<grpc::Channel> Dial(const std::string& address, int64_t max_message_bytes) {
  grpc::ChannelArguments arguments;
  // A role that restarts is found again within about a second.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(max_message_bytes));
  // Without this, channels of two servers in one process (tests) would share a connection and its state.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Channels::Channels(const Config& config) : local_(config.roles) {
  for (Role role : kAllRoles) {
    if (role == Role::kGateway) continue;
    RoleChannel& channel = channels_[static_cast<int>(role)];
    if (!local_.Has(role)) channel.address = config.AddressOf(role);
    // Port 0 of the wildcard address never answers.
    channel.channel = Dial(local_.Has(role) ? "0.0.0.0:0" : channel.address, config.max_message_bytes);
    KeepForEver(channel.channel);
  }
}

void Channels::SetLocal(const std::shared_ptr<grpc::Channel>& channel) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Role role : kAllRoles) {
    if (role != Role::kGateway && local_.Has(role)) channels_[static_cast<int>(role)].channel = channel;
  }
}

RoleChannel Channels::Get(Role role) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return channels_[static_cast<int>(role)];
}

void KeepForEver(const std::shared_ptr<grpc::Channel>& channel) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::shared_ptr<grpc::Channel>>;
  std::lock_guard<std::mutex> lock(mutex);
  if (kept.empty()) kept.push_back(channel);
}

}  // namespace precis::services
