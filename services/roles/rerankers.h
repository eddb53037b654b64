// The rerankers that a search may name, from models of the embedder and the generator role.
#pragma once

#include <string>

#include "adapters/channels.h"
#include "adapters/remote_embedder.h"
#include "adapters/remote_generator.h"
#include "precis/index/types.h"
#include "precis/v1/retrieval.pb.h"

namespace precis::services {

// Thread-safe; blocks, so not for gRPC threads.
class Rerankers {
 public:
  // All outlive it. `scorer`: the language model where a search names none.
  Rerankers(const Channels& channels, RemoteEncoders& encoders, RemoteGenerators& generators, std::string scorer)
      : channels_(channels), encoders_(encoders), generators_(generators), scorer_(std::move(scorer)) {}

  // Sets request->rerank where `options` ask for it. A model that is not there or does not answer is no error: the
  // search then says why it did without. Errors: InvalidArgument (values out of bounds, no model named), Cancelled,
  // DeadlineExceeded.
  absl::Status Fill(const v1::SearchOptions& options, const CallContext& call, index::SearchRequest* request);

 private:
  absl::StatusOr<std::shared_ptr<index::Reranker>> Get(const v1::RerankOptions& options, const CallContext& call,
                                                       std::string* name);

  const Channels& channels_;
  RemoteEncoders& encoders_;
  RemoteGenerators& generators_;
  const std::string scorer_;
};

}  // namespace precis::services
