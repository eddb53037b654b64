// Which files `precis index` sends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace precis::cli {

struct FoundFile {
  std::string path;  // absolute, without symbolic links or ".."
  int64_t size = 0;
};

struct WalkOptions {
  std::vector<std::string> include, exclude;  // shell patterns on the path below the folder, or on the file's name
  bool hidden = false;                        // names that begin with "."
  int max_depth = 64;
};

struct WalkResult {
  std::vector<FoundFile> files;      // by path, no file twice
  std::vector<std::string> folders;  // absolute roots that were walked: what --prune may prune below
  std::vector<std::string> errors;   // one sentence each, with the path
  std::vector<std::string> unread;   // absolute paths of those below the roots: what is there is not known
  int64_t skipped = 0;               // found in a folder and left out: hidden, excluded, known not to be text
};

// `arguments`: files, folders, and patterns that the shell did not expand. A file named itself is always taken; from
// folders what the options leave. Symbolic links are followed once: a loop ends where a folder was seen before.
WalkResult Walk(const std::vector<std::string>& arguments, const WalkOptions& options);

}  // namespace precis::cli
