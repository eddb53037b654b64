// Answers grpc.server.reflection for the whole contract: the gateway itself has only its own services registered, and
// would list only those.
#pragma once

#include <memory>
#include <vector>

#include "grpcpp/grpcpp.h"

namespace precis::services {

inline constexpr char kReflectionMethod[] = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

// A server without a port that knows every public service by name and answers only reflection.
class ReflectionServer {
 public:
  ReflectionServer();
  ~ReflectionServer();

  std::shared_ptr<grpc::Channel> channel() const { return channel_; }
  void Shutdown();

 private:
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// For the gateway's own server: leaves out the reflection that linking the library puts into every server.
std::unique_ptr<grpc::ServerBuilderOption> WithoutOwnReflection();

}  // namespace precis::services
