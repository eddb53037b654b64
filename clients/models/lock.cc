#include "models/lock.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::models {
namespace {

using nlohmann::json;

constexpr int64_t kMaxLockBytes = 1 << 20;
constexpr int kFormat = 1;
constexpr int64_t kMaxMissingBytes = int64_t{1} << 40;

absl::Status Bad(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("'", path, "': ", what));
}

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool IsPlainName(const std::string& name) {
  if (name.empty() || name.size() > 128 || name[0] == '.') return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
         std::string::npos;
}

bool IsSafeRelative(const std::string& path) {
  if (path.empty() || path[0] == '/') return false;
  for (const auto& part : std::filesystem::path(path)) {
    if (part == ".." || part == ".") return false;
  }
  return true;
}

const json& Array(const json& object, const char* key) {
  static const json empty = json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : empty;
}

std::vector<Part> ParseParts(const json& object) {
  std::vector<Part> parts;
  for (const json& p : Array(object, "parts")) {
    parts.push_back({.package = Text(p, "package"), .archive = Text(p, "archive"), .member = Text(p, "member")});
  }
  return parts;
}

int64_t Number(const json& object, const char* key, int64_t fallback) {
  const auto found = object.find(key);
  if (found == object.end()) return fallback;
  return found->is_number_integer() ? found->get<int64_t>() : -1;
}

absl::StatusOr<Model> ParseModel(const std::string& path, const json& object) {
  Model model;
  model.name = Text(object, "name");
  if (!IsPlainName(model.name)) return Bad(path, absl::StrCat("model name '", model.name, "' is not plain"));
  model.kind = Text(object, "kind");
  model.licence = Text(object, "licence");
  model.upstream = Text(object, "upstream");
  for (const json& p : Array(object, "packages")) {
    Package package{Text(p, "package"), Text(p, "version"), Text(p, "sha256")};
    if (!IsPlainName(package.name) || !IsPlainName(package.version) || package.sha256.size() != 64) {
      return Bad(path, absl::StrCat("model '", model.name, "': package '", package.name, "' is incomplete"));
    }
    model.packages.push_back(std::move(package));
  }
  for (const json& a : Array(object, "archives")) {
    Archive archive{.name = Text(a, "name"), .missing_bytes = Number(a, "missing_bytes", 0), .parts = ParseParts(a)};
    bool whole = IsPlainName(archive.name) && !archive.parts.empty() && archive.missing_bytes >= 0 &&
                 archive.missing_bytes <= kMaxMissingBytes;
    for (const Part& part : archive.parts) whole = whole && part.archive.empty() && !part.package.empty();
    if (!whole) return Bad(path, absl::StrCat("model '", model.name, "': archive '", archive.name, "' is incomplete"));
    model.archives.push_back(std::move(archive));
  }
  for (const json& f : Array(object, "files")) {
    File file;
    file.path = Text(f, "path");
    file.sha256 = Text(f, "sha256");
    file.size = Number(f, "size", -1);
    file.parts = ParseParts(f);
    if (!IsSafeRelative(file.path) || file.sha256.size() != 64 || file.size < 0 || file.parts.empty()) {
      return Bad(path, absl::StrCat("model '", model.name, "': file '", file.path, "' is incomplete"));
    }
    model.files.push_back(std::move(file));
  }
  if (model.files.empty()) return Bad(path, absl::StrCat("model '", model.name, "' has no files"));
  return model;
}

}  // namespace

int64_t Model::size() const {
  int64_t sum = 0;
  for (const File& file : files) sum += file.size;
  return sum;
}

absl::StatusOr<std::vector<Model>> ReadLock(const std::string& path) {
  PRECIS_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxLockBytes));
  const json root = json::parse(content, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Bad(path, "is not a JSON object");
  const auto format = root.find("format");
  if (format == root.end() || !format->is_number_integer() || format->get<int64_t>() != kFormat) {
    return Bad(path, absl::StrCat("'format' is not ", kFormat, ": this precis is too old for it"));
  }
  std::vector<Model> models;
  for (const json& object : Array(root, "models")) {
    if (!object.is_object()) return Bad(path, "'models' holds something that is not an object");
    PRECIS_ASSIGN_OR_RETURN(models.emplace_back(), ParseModel(path, object));
  }
  return models;
}

absl::StatusOr<std::string> FindLock() {
  namespace fs = std::filesystem;
  std::vector<std::string> tried;
  if (const char* given = std::getenv("PRECIS_MODELS_LOCK"); given != nullptr && *given) {
    tried.push_back(given);
  } else {
    std::error_code error;
    const fs::path exe = fs::read_symlink("/proc/self/exe", error);
    // bin -> preset -> build -> tree
    tried.push_back((exe.parent_path() / "../../../deploy/models.lock").lexically_normal().string());
    tried.push_back((exe.parent_path() / "../share/precis/models.lock").lexically_normal().string());
  }
  for (const std::string& path : tried) {
    if (::access(path.c_str(), R_OK) == 0) return path;
  }
  std::string all;
  for (const std::string& path : tried) absl::StrAppend(&all, all.empty() ? "" : ", ", "'", path, "'");
  return absl::NotFoundError(absl::StrCat("no models.lock at ", all, ": name one with PRECIS_MODELS_LOCK"));
}

std::string DefaultModelsFolder() {
  if (const char* given = std::getenv("PRECIS_MODELS_DIR"); given != nullptr && *given) return given;
  const char* home = std::getenv("HOME");
  return absl::StrCat(home != nullptr ? home : "", "/.local/share/precis/models");
}

}  // namespace precis::models
