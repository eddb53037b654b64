// engine::Embedder over EmbeddingService: what the other roles use for vectors, in one process or many.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "adapters/channels.h"
#include "models/model_source.h"
#include "precis/engine/embedder.h"

namespace precis::services {

// The encoders of the embedder role, by name. Thread-safe; blocks, so not for gRPC threads.
class RemoteEncoders {
 public:
  // `channels` and `models` outlive it.
  RemoteEncoders(const Channels& channels, const ModelSource& models);
  ~RemoteEncoders();

  // An encoder (empty: the embedder's default) whose tokenizer is loaded here too. Errors: Unavailable (the embedder
  // does not answer; names its address), NotFound (no such model), FailedPrecondition (the tokenizer here is not the
  // one that the embedder counts with; both fingerprints are named).
  absl::StatusOr<std::shared_ptr<engine::Embedder>> Get(const std::string& model, const CallContext& call);

 private:
  class Encoder;

  const Channels& channels_;
  Tokenizers tokenizers_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Encoder>> encoders_;
};

}  // namespace precis::services
