// EmbeddingService: texts to vectors, batch by batch in the order sent.
#pragma once

#include <memory>
#include <string>

#include "models/loaded_models.h"
#include "precis/cache/caching_embedder.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "runtime/call_scope.h"

namespace precis::services {

// An encoder with its cache in front; without a tag a text passes the cache by.
using Encoders = LoadedModels<cache::CachingEmbedder>;

class EmbeddingService final : public v1::EmbeddingService::CallbackService {
 public:
  // `encoders` and `host` outlive the service.
  EmbeddingService(Encoders& encoders, std::string default_model, const Host& host)
      : encoders_(encoders), default_model_(std::move(default_model)), host_(host) {}

  grpc::ServerBidiReactor<v1::EmbedRequest, v1::EmbedResponse>* Embed(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Info(grpc::CallbackServerContext* context, const v1::InfoRequest* request,
                                 v1::InfoResponse* reply) override;

 private:
  class EmbedCall;

  Encoders& encoders_;
  const std::string default_model_;
  const Host& host_;
};

}  // namespace precis::services
