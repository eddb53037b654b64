#include "models/model_source.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::services {
namespace {

namespace fs = std::filesystem;

constexpr char kFallbackGenerator[] = "smollm2-135m-instruct";

bool IsPlainName(const std::string& name) {
  return !name.empty() && name.size() <= 128 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace

absl::StatusOr<std::string> FindModel(const std::string& folder, const std::string& name) {
  if (!IsPlainName(name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", name.substr(0, 128), "' is no model name: letters, digits, '.', '_' and '-', at most 128, no dot first"));
  }
  std::error_code error;
  const fs::path path = fs::path(folder) / name;
  if (!fs::is_directory(path, error)) {
    return absl::NotFoundError(absl::StrCat("model '", name, "' is not in ", folder,
                                            ": fetch it with `precis model pull ", name, "`, or put its folder there"));
  }
  if (fs::exists(path / "config.json", error)) return path.string();
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (entry.path().extension() == ".gguf") files.push_back(entry.path().string());
  }
  if (files.size() == 1) return files[0];
  return absl::NotFoundError(absl::StrCat("the folder of model '", name, "' has no config.json and ", files.size(),
                                          " .gguf files: it needs Hugging Face files or exactly one .gguf"));
}

std::vector<std::string> ListModelFolders(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (FindModel(folder, name).ok()) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<EncoderName> ParseEncoderName(const std::string& name) {
  const size_t at = name.find('@');
  if (at == std::string::npos) return EncoderName{name, "fp32"};
  EncoderName parsed{name.substr(0, at), name.substr(at + 1)};
  if (parsed.numeric_mode == "fp32" || parsed.numeric_mode == "int8-v1") return parsed;
  return absl::InvalidArgumentError(absl::StrCat("'", name.substr(0, 256),
                                                 "': an encoder's numeric mode is fp32 or int8-v1, as in ",
                                                 parsed.model.substr(0, 128), "@int8-v1"));
}

absl::StatusOr<DefaultGenerator> FindDefaultGenerator(const ModelSource& models, const std::string& configured) {
  const auto found = models.find(configured);
  if (found.ok()) return DefaultGenerator{configured, ""};
  if (configured != kFallbackGenerator && models.find(kFallbackGenerator).ok()) {
    return DefaultGenerator{kFallbackGenerator,
                            absl::StrCat(kFallbackGenerator, " stands in for the generator '", configured,
                                         "', which is not there: `precis model pull ", configured, "` fetches it")};
  }
  return found.status();
}

struct Tokenizers::State {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const engine::Tokenizer>> loaded;
};

Tokenizers::Tokenizers(const ModelSource& models) : models_(models), state_(std::make_unique<State>()) {}
Tokenizers::~Tokenizers() = default;

absl::StatusOr<std::shared_ptr<const engine::Tokenizer>> Tokenizers::Get(const std::string& model) {
  std::lock_guard<std::mutex> lock(state_->mutex);  // also while loading: the second caller would load it again
  if (const auto found = state_->loaded.find(model); found != state_->loaded.end()) return found->second;
  PRECIS_ASSIGN_OR_RETURN(const EncoderName name, ParseEncoderName(model));
  PRECIS_ASSIGN_OR_RETURN(const std::string path, models_.find(name.model));
  PRECIS_ASSIGN_OR_RETURN(auto tokenizer, models_.load_tokenizer(path));
  state_->loaded[model] = tokenizer;
  return tokenizer;
}

}  // namespace precis::services
