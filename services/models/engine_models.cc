#include <utility>

#include "models/model_source.h"

namespace precis::services {

ModelSource EngineModels(std::string folder) {
  ModelSource source;
  source.find = [folder](const std::string& name) { return FindModel(folder, name); };
  source.list = [folder] { return ListModelFolders(folder); };
  source.inspect = [](const std::string& path) { return engine::InspectModel(path); };
  source.load_tokenizer = [](const std::string& path) { return engine::LoadTokenizer(path); };
  source.load_embedder = [](const std::string& path, const engine::LoadOptions& options) {
    return engine::LoadEmbedder(path, options);
  };
  source.load_language_model = [](const std::string& path, const engine::LoadOptions& options) {
    return engine::LoadLanguageModel(path, options);
  };
  return source;
}

}  // namespace precis::services
