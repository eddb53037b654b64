#include "cli/walk.h"

#include <dirent.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace precis::cli {
namespace {

// Endings of files that hold no text worth indexing. A file named by the user itself is sent all the same, and the
// server says what it thinks of it.
constexpr std::string_view kNotText[] = {
    ".7z",   ".a",           ".avi",  ".bin",    ".bmp",  ".bz2",   ".class", ".deb", ".dll",     ".dylib", ".eot",
    ".exe",  ".flac",        ".gguf", ".gif",    ".gz",   ".ico",   ".inv",   ".iso", ".jar",     ".jpeg",  ".jpg",
    ".mkv",  ".mov",         ".mp3",  ".mp4",    ".npy",  ".o",     ".ogg",   ".otf", ".parquet", ".png",   ".pyc",
    ".rpm",  ".safetensors", ".so",   ".sqlite", ".svgz", ".tar",   ".tgz",   ".tif", ".tiff",    ".ttf",   ".wav",
    ".wasm", ".webm",        ".webp", ".whl",    ".woff", ".woff2", ".xz",    ".zip", ".zst"};

class Walker {
 public:
  explicit Walker(const WalkOptions& options) : options_(options) {}

  void Argument(const std::string& argument) {
    struct stat info;
    if (::stat(argument.c_str(), &info) == 0) {
      Named(argument, info);
      return;
    }
    const int error = errno;
    glob_t matches;
    if (argument.find_first_of("*?[") != std::string::npos && ::glob(argument.c_str(), 0, nullptr, &matches) == 0) {
      for (size_t i = 0; i < matches.gl_pathc; ++i) {
        if (::stat(matches.gl_pathv[i], &info) == 0) Named(matches.gl_pathv[i], info);
      }
      ::globfree(&matches);
      return;
    }
    result_.errors.push_back(absl::StrCat("'", argument, "': ", std::strerror(error)));
  }

  WalkResult Finish() {
    std::sort(result_.files.begin(), result_.files.end(),
              [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
    return std::move(result_);
  }

 private:
  void Named(const std::string& path, const struct stat& info) {
    const std::string absolute = Canonical(path);
    if (S_ISDIR(info.st_mode)) {
      result_.folders.push_back(absolute);
      Folder(absolute, absolute, info, 0);
    } else if (S_ISREG(info.st_mode)) {
      Take(absolute, info);
    } else {
      result_.errors.push_back(absl::StrCat("'", path, "' is neither a file nor a folder"));
    }
  }

  static std::string Canonical(const std::string& path) {
    std::error_code error;
    const auto canonical = std::filesystem::canonical(path, error);
    return error ? std::filesystem::absolute(path).string() : canonical.string();
  }

  void Take(const std::string& path, const struct stat& info) {
    if (seen_files_.insert({info.st_dev, info.st_ino}).second) {
      result_.files.push_back({path, static_cast<int64_t>(info.st_size)});
    }
  }

  bool Wanted(const std::string& root, const std::string& path, const std::string& name) const {
    const std::string below = path.substr(std::min(path.size(), root.size() + 1));
    const auto matches = [&](const std::string& pattern) {
      return ::fnmatch(pattern.c_str(), below.c_str(), 0) == 0 || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    };
    if (std::any_of(options_.exclude.begin(), options_.exclude.end(), matches)) return false;
    if (!options_.include.empty()) {
      return std::any_of(options_.include.begin(), options_.include.end(), matches);
    }
    std::string ending = std::filesystem::path(name).extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
    return std::find(std::begin(kNotText), std::end(kNotText), ending) == std::end(kNotText);
  }

  void Folder(const std::string& root, const std::string& path, const struct stat& info, int depth) {
    if (!seen_folders_.insert({info.st_dev, info.st_ino}).second) return;
    if (depth > options_.max_depth) {
      Unread(path, absl::StrCat("'", path, "' lies more than ", options_.max_depth, " folders deep: not walked"));
      return;
    }
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) {
      Unread(path, absl::StrCat("'", path, "': ", std::strerror(errno)));
      return;
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(folder)) names.emplace_back(entry->d_name);
    ::closedir(folder);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (name == "." || name == "..") continue;
      if (name[0] == '.' && !options_.hidden) {
        ++result_.skipped;
        continue;
      }
      const std::string child = path == "/" ? "/" + name : path + "/" + name;
      struct stat child_info;
      if (::stat(child.c_str(), &child_info) != 0) {
        Unread(child, absl::StrCat("'", child, "': ", std::strerror(errno)));
      } else if (S_ISDIR(child_info.st_mode)) {
        Folder(root, child, child_info, depth + 1);
      } else if (!S_ISREG(child_info.st_mode) || !Wanted(root, child, name)) {
        ++result_.skipped;
      } else {
        Take(child, child_info);
      }
    }
  }

  void Unread(const std::string& path, std::string sentence) {
    result_.unread.push_back(path);
    result_.errors.push_back(std::move(sentence));
  }

  const WalkOptions& options_;
  WalkResult result_;
  std::set<std::pair<dev_t, ino_t>> seen_files_, seen_folders_;
};

}  // namespace

WalkResult Walk(const std::vector<std::string>& arguments, const WalkOptions& options) {
  Walker walker(options);
  for (const std::string& argument : arguments) walker.Argument(argument);
  return walker.Finish();
}

}  // namespace precis::cli
