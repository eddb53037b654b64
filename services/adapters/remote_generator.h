// engine::Generator, engine::TokenScorer and engine::SegmentScorer over GenerationService: what compression methods
// write and score with.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "adapters/channels.h"
#include "models/model_source.h"
#include "precis/engine/generator.h"
#include "precis/engine/segment_scorer.h"
#include "precis/engine/token_scorer.h"

namespace precis::services {

struct RemoteScorer {
  std::shared_ptr<engine::TokenScorer> scorer;
  std::shared_ptr<engine::SegmentScorer> segments;
  engine::ModelInfo info;
};

// The language models of the generator role. Thread-safe; blocks, so not for gRPC threads.
class RemoteGenerators {
 public:
  // `channels` and `models` outlive it.
  RemoteGenerators(const Channels& channels, const ModelSource& models);

  // What `model` is, or the default generator where the role does not have it; nothing is loaded for that. Errors:
  // Unavailable (the role does not answer; names its address), NotFound (it has no generator).
  absl::StatusOr<engine::ModelInfo> Find(const std::string& model, const CallContext& call);

  // The model that Find() names, loaded, so that its fingerprint is known. Errors: as Find; FailedPrecondition (the
  // tokenizer here is not the one that the generator counts with), those of loading.
  absl::StatusOr<std::shared_ptr<engine::Generator>> Generator(const std::string& model, const CallContext& call);
  absl::StatusOr<RemoteScorer> Scorer(const std::string& model, const CallContext& call);

 private:
  absl::StatusOr<engine::ModelInfo> Load(const std::string& model, const CallContext& call);

  const Channels& channels_;
  Tokenizers tokenizers_;
};

}  // namespace precis::services
