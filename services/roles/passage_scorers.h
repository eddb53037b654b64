// The encoders with a head that the embedder role scores passages with: cross-encoders and sparse encoders, by name.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "models/loaded_models.h"
#include "models/model_source.h"
#include "precis/index/reranker.h"
#include "precis/v1/embedding.pb.h"

namespace precis::services {

// What scores passages, with what it is.
struct PassageScorer {
  std::shared_ptr<index::Reranker> scorer;
  std::string fingerprint;
  int64_t bytes = 0;  // of its weights, as floats
};

// Loads them when they are first asked for, within Config::head_memory_limit_bytes. Thread-safe.
class PassageScorers {
 public:
  // Both outlive it.
  PassageScorers(const ModelSource& models, const Config& config);

  // Errors: NotFound (no such model, or it has no such head), InvalidArgument (no kind), ResourceExhausted (the limit,
  // with all numbers), those of loading.
  absl::StatusOr<std::shared_ptr<PassageScorer>> Get(v1::PassageScorerKind kind, const std::string& model);

 private:
  absl::StatusOr<std::shared_ptr<PassageScorer>> Load(const std::string& key);

  const ModelSource& models_;
  const Config& config_;
  std::mutex load_mutex_;  // one after the other: each sees what those before it took
  LoadedModels<PassageScorer> loaded_;
};

}  // namespace precis::services
