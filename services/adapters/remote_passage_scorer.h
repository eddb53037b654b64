// index::Reranker over EmbeddingService's ScorePassages: models with a head, which the embedder role runs.
#pragma once

#include <memory>
#include <string>

#include "adapters/channels.h"
#include "precis/index/reranker.h"
#include "precis/v1/embedding.pb.h"

namespace precis::services {

// `model` is looked for with the first call. Blocks, so not for gRPC threads.
std::shared_ptr<index::Reranker> MakeRemotePassageScorer(RoleChannel channel, v1::PassageScorerKind kind,
                                                         std::string model);

}  // namespace precis::services
