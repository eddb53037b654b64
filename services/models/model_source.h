// How names of models become engines. The real ones come from the models folder; tests bring their own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/engine/load.h"
#include "precis/engine/load_heads.h"

namespace precis::services {

// All functions are thread-safe. Paths are those that `find` gave; what is no model any more is DataLoss.
struct ModelSource {
  // The path of a model. InvalidArgument for what is no plain name, NotFound with the way out.
  std::function<absl::StatusOr<std::string>(const std::string& name)> find;
  // Names of what looks like a model, sorted.
  std::function<std::vector<std::string>()> list;
  std::function<absl::StatusOr<engine::ModelFileInfo>(const std::string& path)> inspect;
  std::function<absl::StatusOr<std::shared_ptr<const engine::Tokenizer>>(const std::string& path)> load_tokenizer;
  std::function<absl::StatusOr<std::shared_ptr<engine::Embedder>>(const std::string& path, const engine::LoadOptions&)>
      load_embedder;
  std::function<absl::StatusOr<std::shared_ptr<engine::LanguageModel>>(const std::string& path,
                                                                       const engine::LoadOptions&)>
      load_language_model;
  // Encoders with a head.
  std::function<absl::StatusOr<std::shared_ptr<engine::CrossEncoder>>(const std::string& path,
                                                                      const engine::LoadOptions&)>
      load_cross_encoder;
  std::function<absl::StatusOr<std::shared_ptr<engine::SparseEncoder>>(const std::string& path,
                                                                       const engine::LoadOptions&)>
      load_sparse_encoder;
};

// The models of a folder, by our own engine: <folder>/<name>/ with Hugging Face files or one .gguf.
ModelSource EngineModels(std::string folder);

// `find` and `list` of a folder alone.
absl::StatusOr<std::string> FindModel(const std::string& folder, const std::string& name);
std::vector<std::string> ListModelFolders(const std::string& folder);

// An encoder as users name it: its model, and behind '@' the numeric mode of its vectors ("all-minilm-l6-v2@int8-v1").
// Without: fp32. Collections keep the whole name, so that each stays with the mode that it was made with.
struct EncoderName {
  std::string model, numeric_mode;
};
// InvalidArgument for a mode that encoders do not have.
absl::StatusOr<EncoderName> ParseEncoderName(const std::string& name);

// What answers where no generator is named: `configured`, or while it is not there the small model that every
// installation has; `notice` then says so in one sentence. NotFound when neither is there.
struct DefaultGenerator {
  std::string name;
  std::string notice;
};
absl::StatusOr<DefaultGenerator> FindDefaultGenerator(const ModelSource& models, const std::string& configured);

// Tokenizers by model, loaded once. Thread-safe.
class Tokenizers {
 public:
  explicit Tokenizers(const ModelSource& models);
  ~Tokenizers();
  absl::StatusOr<std::shared_ptr<const engine::Tokenizer>> Get(const std::string& model);

 private:
  struct State;
  const ModelSource& models_;
  std::unique_ptr<State> state_;
};

}  // namespace precis::services
