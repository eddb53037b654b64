// The front of an installation: PipelineService and the fan-out of AdminService live here, every other public service
// is forwarded to its role.
#pragma once

#include <memory>
#include <vector>

#include "gateway/proxy.h"
#include "gateway/reflection_server.h"
#include "roles/role_host.h"

namespace precis::services {

class Gateway {
 public:
  explicit Gateway(const RoleContext& context);
  ~Gateway();

  std::vector<grpc::Service*> services();
  grpc::CallbackGenericService* proxy() { return &proxy_; }
  std::unique_ptr<grpc::ServerBuilderOption> server_option() { return WithoutOwnReflection(); }

  // No call comes any more.
  void Drain();

 private:
  Route RouteOf(const std::string& method);

  const RoleContext& context_;
  Executor executor_;
  const Host host_;
  ReflectionServer reflection_;
  std::unique_ptr<grpc::Service> pipeline_;
  std::unique_ptr<grpc::Service> admin_;
  Proxy proxy_;
};

}  // namespace precis::services
