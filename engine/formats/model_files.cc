#include "formats/model_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxNamesShown = 5;

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::string PlainName(const fs::path& path) {
  // Absolute and normal: "." and "models/x/" have names too.
  std::error_code error;
  fs::path whole = fs::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  if (whole.extension() != ".gguf") return whole.filename().string();
  return whole.stem() == "model" ? whole.parent_path().filename().string() : whole.stem().string();
}

absl::StatusOr<ModelFiles> GgufAt(const std::string& given, const fs::path& file) {
  char magic[4] = {};
  std::ifstream stream(file, std::ios::binary);
  stream.read(magic, sizeof magic);
  const std::string_view start(magic, static_cast<size_t>(stream.gcount()));
  if (!stream.is_open()) return absl::PermissionDeniedError(absl::StrCat("cannot open '", file.string(), "'"));
  if (start.empty()) return absl::InvalidArgumentError(absl::StrCat("'", file.string(), "' is empty"));
  if (start != "GGUF") {
    return absl::InvalidArgumentError(
        absl::StrCat("'", file.string(), "' is not a GGUF file: give a .gguf file or a Hugging Face folder"));
  }
  ModelFiles files;
  files.kind = ModelKind::kGguf;
  files.path = given;
  files.name = PlainName(file);
  files.gguf = file.string();
  return files;
}

absl::StatusOr<ModelFiles> HfAt(const std::string& given, const fs::path& folder) {
  ModelFiles files;
  files.kind = ModelKind::kHfFolder;
  files.path = given;
  files.name = PlainName(folder);
  files.folder = folder.has_filename() ? folder.string() : folder.parent_path().string();
  files.config = (folder / "config.json").string();
  files.weights = (folder / "model.safetensors").string();
  if (IsFile(folder / "tokenizer.json")) files.tokenizer = (folder / "tokenizer.json").string();
  if (IsFile(files.weights)) return files;
  if (IsFile(folder / "model.safetensors.index.json")) {
    files.weights = (folder / "model.safetensors.index.json").string();
    return files;
  }
  for (const char* other : {"pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "model.onnx"}) {
    if (!IsFile(folder / other)) continue;
    return absl::UnimplementedError(
        absl::StrCat("'", given, "' has its weights in '", other, "': convert them to model.safetensors"));
  }
  return absl::NotFoundError(
      absl::StrCat("'", given, "' has a config.json, but no model.safetensors: copy the whole model folder"));
}

absl::StatusOr<std::vector<fs::path>> GgufFilesIn(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".gguf" && IsFile(entry->path())) found.push_back(entry->path());
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read folder '", folder.string(), "'"));
  std::sort(found.begin(), found.end());
  return found;
}

absl::Status Several(const std::string& given, const std::vector<fs::path>& found) {
  std::vector<std::string> names;
  for (const fs::path& path : found) {
    if (names.size() == kMaxNamesShown) {
      names.push_back("...");
      break;
    }
    names.push_back(path.filename().string());
  }
  return absl::InvalidArgumentError(absl::StrCat("'", given, "' has ", found.size(), " GGUF files (",
                                                 absl::StrJoin(names, ", "), "): give the path of one"));
}

}  // namespace

absl::StatusOr<ModelFiles> FindModelFiles(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("the path of the model is empty");
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return absl::NotFoundError(absl::StrCat("there is no model at '", path, "'"));
  }
  if (status.type() == fs::file_type::none) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read '", path, "'"));
  }
  if (status.type() == fs::file_type::regular) return GgufAt(path, path);
  if (status.type() != fs::file_type::directory) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is neither a file nor a folder"));
  }
  if (IsFile(fs::path(path) / "config.json")) return HfAt(path, path);
  PRECIS_ASSIGN_OR_RETURN(const std::vector<fs::path> found, GgufFilesIn(path));
  if (found.size() > 1) return Several(path, found);
  if (found.size() == 1) return GgufAt(path, found.front());
  return absl::NotFoundError(absl::StrCat("there is no model in folder '", path,
                                          "': it needs config.json and model.safetensors, or one .gguf file"));
}

}  // namespace precis::engine
