#include <utility>

#include "models/model_source.h"

namespace precis::services {
namespace {

// To the engine a file that is no model is an invalid argument; whoever named the model sees that the file is damaged.
absl::Status DamagedFile(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return status;
  absl::Status damaged = absl::DataLossError(status.message());
  status.ForEachPayload([&](absl::string_view name, const absl::Cord& payload) { damaged.SetPayload(name, payload); });
  return damaged;
}

template <class Value>
absl::StatusOr<Value> OrDamagedFile(absl::StatusOr<Value> value) {
  if (!value.ok()) return DamagedFile(value.status());
  return value;
}

}  // namespace

ModelSource EngineModels(std::string folder) {
  ModelSource source;
  source.find = [folder](const std::string& name) { return FindModel(folder, name); };
  source.list = [folder] { return ListModelFolders(folder); };
  source.inspect = [](const std::string& path) { return OrDamagedFile(engine::InspectModel(path)); };
  source.load_tokenizer = [](const std::string& path) { return OrDamagedFile(engine::LoadTokenizer(path)); };
  source.load_embedder = [](const std::string& path,
                            const engine::LoadOptions& options) -> absl::StatusOr<std::shared_ptr<engine::Embedder>> {
    auto loaded = engine::LoadEmbedder(path, options);
    // Not of a kind that encoders are: is it a model at all?
    if (absl::IsUnimplemented(loaded.status())) {
      if (const auto inspected = engine::InspectModel(path); !inspected.ok()) return DamagedFile(inspected.status());
    }
    return OrDamagedFile(std::move(loaded));
  };
  source.load_language_model = [](const std::string& path, const engine::LoadOptions& options) {
    return OrDamagedFile(engine::LoadLanguageModel(path, options));
  };
  source.load_cross_encoder = [](const std::string& path, const engine::LoadOptions& options) {
    return OrDamagedFile(engine::LoadCrossEncoder(path, options));
  };
  source.load_sparse_encoder = [](const std::string& path, const engine::LoadOptions& options) {
    return OrDamagedFile(engine::LoadSparseEncoder(path, options));
  };
  return source;
}

}  // namespace precis::services
