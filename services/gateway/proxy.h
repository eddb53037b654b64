// Forwards calls to the roles without knowing their messages: bytes in, bytes out, one message on its way in each
// direction, so that a slow end slows the other. Deadline and cancellation go along; of the client's metadata only
// x-request-id and traceparent do, and of the role's reply the status with its details and the trailing metadata.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/grpcpp.h"
#include "runtime/call_scope.h"

namespace precis::services {

// Where a call goes. Without a channel: `refusal` is the answer.
struct Route {
  std::shared_ptr<grpc::Channel> channel;
  std::string role, address;  // for errors; the address is empty for a role of this process
  grpc::Status refusal;
};

class Proxy final : public grpc::CallbackGenericService {
 public:
  // `route` gets what was called, "package.Service/Method", and is called on gRPC threads. Names that it accepts become
  // labels of metrics, so it accepts no name that a client can make up.
  using Router = std::function<Route(const std::string& method)>;
  Proxy(const Host& host, Router route);

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  const Host& host_;
  const Router route_;
};

}  // namespace precis::services
