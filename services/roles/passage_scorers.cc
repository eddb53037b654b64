#include "roles/passage_scorers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

// Keys of LoadedModels: the kind, a blank and the model's name.
constexpr char kCross[] = "cross ", kSparse[] = "sparse ";

}  // namespace

PassageScorers::PassageScorers(const ModelSource& models, const Config& config)
    : models_(models), config_(config), loaded_([this](const std::string& key) { return Load(key); }) {}

absl::StatusOr<std::shared_ptr<PassageScorer>> PassageScorers::Get(v1::PassageScorerKind kind,
                                                                   const std::string& model) {
  if (model.empty()) return FieldError("model", "is empty: name a model with a head");
  switch (kind) {
    case v1::PASSAGE_SCORER_KIND_CROSS_ENCODER:
      return loaded_.Get(absl::StrCat(kCross, model));
    case v1::PASSAGE_SCORER_KIND_SPARSE_ENCODER:
      return loaded_.Get(absl::StrCat(kSparse, model));
    default:
      return FieldError("kind", "must be CROSS_ENCODER or SPARSE_ENCODER");
  }
}

absl::StatusOr<std::shared_ptr<PassageScorer>> PassageScorers::Load(const std::string& key) {
  const bool cross = key.rfind(kCross, 0) == 0;
  engine::LoadOptions options;
  options.name = key.substr(key.find(' ') + 1);
  options.threads = static_cast<int>(config_.threads);
  options.check_weights = config_.check_weights;
  PRECIS_ASSIGN_OR_RETURN(const std::string path, models_.find(options.name));
  std::lock_guard<std::mutex> lock(load_mutex_);
  auto loaded = std::make_shared<PassageScorer>();
  if (config_.head_memory_limit_bytes > 0) {
    PRECIS_ASSIGN_OR_RETURN(const engine::ModelFileInfo file, models_.inspect(path));
    // Weights become floats, whatever they are in the file.
    loaded->bytes = std::max(file.model.parameters * 4, file.model.weights_bytes);
    int64_t taken = 0;
    for (const auto& [name, other] : loaded_.All()) taken += other->bytes;
    if (taken + loaded->bytes > config_.head_memory_limit_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("model '", options.name, "' needs ", loaded->bytes, " bytes, and ", taken, " of the ",
                       config_.head_memory_limit_bytes, " bytes of head-memory-limit-bytes are taken"));
    }
  }
  if (cross) {
    PRECIS_ASSIGN_OR_RETURN(auto encoder, models_.load_cross_encoder(path, options));
    loaded->fingerprint = encoder->info().fingerprint;
    loaded->scorer = index::MakeCrossReranker(std::move(encoder));
  } else {
    PRECIS_ASSIGN_OR_RETURN(auto encoder, models_.load_sparse_encoder(path, options));
    loaded->fingerprint = encoder->info().fingerprint;
    loaded->scorer = index::MakeSparseReranker(std::move(encoder));
  }
  return loaded;
}

}  // namespace precis::services
