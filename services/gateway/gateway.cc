#include "gateway/gateway.h"

#include "absl/strings/str_cat.h"
#include "gateway/gateway_admin_service.h"
#include "gateway/pipeline_service.h"
#include "gateway/routes.h"
#include "google/protobuf/descriptor.h"
#include "precis/base/utf8.h"

namespace precis::services {

Gateway::Gateway(const RoleContext& context)
    : context_(context),
      executor_("gateway", static_cast<int>(context.config.gateway_workers),
                static_cast<int>(context.config.queue_limit)),
      host_{RoleName(Role::kGateway), &executor_, &context.metrics, context.config.max_message_bytes},
      pipeline_(MakePipelineService(context, host_)),
      admin_(MakeGatewayAdminService(context, host_)),
      proxy_(host_, [this](const std::string& method) { return RouteOf(method); }) {
  context_.metrics.AddSource([this] {
    std::vector<Sample> samples;
    AppendQueueSamples(executor_.stats(), &samples);
    return samples;
  });
}

Gateway::~Gateway() { Drain(); }

std::vector<grpc::Service*> Gateway::services() { return {pipeline_.get(), admin_.get()}; }

Route Gateway::RouteOf(const std::string& method) {
  const size_t slash = method.find('/');
  const std::string service = method.substr(0, slash);
  if (method == kReflectionMethod) return {reflection_.channel(), "reflection", "", grpc::Status::OK};
  const PublicService* found = FindPublicService(service);
  const bool known = found != nullptr && slash != std::string::npos &&
                     google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
                         absl::StrCat(service, ".", method.substr(slash + 1))) != nullptr;
  if (!known || found->role == Role::kGateway) {
    return {nullptr, "", "",
            grpc::Status(grpc::StatusCode::UNIMPLEMENTED,
                         absl::StrCat("this server has no method '", ReplaceInvalidUtf8(method.substr(0, 200)), "'"))};
  }
  const RoleChannel channel = context_.channels.Get(found->role);
  return {channel.channel, RoleName(found->role), channel.address, grpc::Status::OK};
}

void Gateway::Drain() {
  reflection_.Shutdown();
  executor_.Drain();
}

}  // namespace precis::services
