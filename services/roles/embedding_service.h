// EmbeddingService: texts to vectors, batch by batch in the order sent.
#pragma once

#include <memory>
#include <string>

#include "models/loaded_models.h"
#include "precis/cache/caching_embedder.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "roles/passage_scorers.h"
#include "runtime/call_scope.h"

namespace precis::services {

// An encoder with its cache in front; without a tag a text passes the cache by.
using Encoders = LoadedModels<cache::CachingEmbedder>;

class EmbeddingService final : public v1::EmbeddingService::CallbackService {
 public:
  // All but the name outlive the service.
  EmbeddingService(Encoders& encoders, PassageScorers& scorers, std::string default_model, const Host& host)
      : encoders_(encoders), scorers_(scorers), default_model_(std::move(default_model)), host_(host) {}

  grpc::ServerBidiReactor<v1::EmbedRequest, v1::EmbedResponse>* Embed(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Info(grpc::CallbackServerContext* context, const v1::InfoRequest* request,
                                 v1::InfoResponse* reply) override;
  grpc::ServerUnaryReactor* ScorePassages(grpc::CallbackServerContext* context, const v1::ScorePassagesRequest* request,
                                          v1::ScorePassagesResponse* reply) override;

 private:
  class EmbedCall;

  Encoders& encoders_;
  PassageScorers& scorers_;
  const std::string default_model_;
  const Host& host_;
};

}  // namespace precis::services
