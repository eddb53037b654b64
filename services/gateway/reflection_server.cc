#include "gateway/reflection_server.h"

#include <algorithm>

#include "adapters/channels.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/impl/server_builder_option.h"
#include "precis/v1/admin.grpc.pb.h"
#include "precis/v1/collection.grpc.pb.h"
#include "precis/v1/compression.grpc.pb.h"
#include "precis/v1/document.grpc.pb.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "precis/v1/generation.grpc.pb.h"
#include "precis/v1/pipeline.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "precis/v1/splitting.grpc.pb.h"

namespace precis::services {
namespace {

class NoReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->erase(std::remove_if(plugins->begin(), plugins->end(),
                                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; }),
                   plugins->end());
  }
};

}  // namespace

ReflectionServer::ReflectionServer() {
  // The library registers itself when it is loaded; naming it here makes sure that it is.
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  services_.push_back(std::make_unique<v1::AdminService::Service>());
  services_.push_back(std::make_unique<v1::CollectionService::Service>());
  services_.push_back(std::make_unique<v1::CompressionService::Service>());
  services_.push_back(std::make_unique<v1::DocumentService::Service>());
  services_.push_back(std::make_unique<v1::EmbeddingService::Service>());
  services_.push_back(std::make_unique<v1::GenerationService::Service>());
  services_.push_back(std::make_unique<v1::PipelineService::Service>());
  services_.push_back(std::make_unique<v1::RetrievalService::Service>());
  services_.push_back(std::make_unique<v1::SplittingService::Service>());
  grpc::ServerBuilder builder;
  for (const auto& service : services_) builder.RegisterService(service.get());
  server_ = builder.BuildAndStart();
  channel_ = server_->InProcessChannel({});
  KeepForEver(channel_);
}

ReflectionServer::~ReflectionServer() { Shutdown(); }

void ReflectionServer::Shutdown() {
  if (server_ != nullptr) server_->Shutdown();
}

std::unique_ptr<grpc::ServerBuilderOption> WithoutOwnReflection() { return std::make_unique<NoReflection>(); }

}  // namespace precis::services
