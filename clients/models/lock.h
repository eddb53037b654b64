// deploy/models.lock: which models there are, where their bytes come from, and the hashes that decide.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace precis::models {

struct Part {
  std::string package;  // name in Model::packages; empty: `archive` says where
  std::string archive;  // name in Model::archives
  std::string member;   // file inside it
};

// A zip archive that was cut into pieces to be published: files of packages, joined in order.
struct Archive {
  std::string name;
  // What stood before the first piece that is needed, a hole in the joined file: a zip archive's directory is at its
  // end and says where each member begins.
  int64_t missing_bytes = 0;
  std::vector<Part> parts;  // of packages
};

struct File {
  std::string path;  // below the model's folder; no "..", not absolute
  int64_t size = 0;
  std::string sha256;
  std::vector<Part> parts;  // joined in order
};

struct Package {
  std::string name, version, sha256;
};

struct Model {
  std::string name;  // [A-Za-z0-9._-]
  std::string kind;  // "encoder", "decoder" or "sparse encoder"
  std::string licence, upstream;
  std::vector<Package> packages;
  std::vector<Archive> archives;
  std::vector<File> files;

  int64_t size() const;
};

// Errors: InvalidArgument with the field's name, NotFound.
absl::StatusOr<std::vector<Model>> ReadLock(const std::string& path);

// Where the lock lies: $PRECIS_MODELS_LOCK, beside the program's source tree (<exe>/../../../deploy), or the installed
// place (<exe>/../share/precis). NotFound names all three.
absl::StatusOr<std::string> FindLock();

// $PRECIS_MODELS_DIR or $HOME/.local/share/precis/models.
std::string DefaultModelsFolder();

}  // namespace precis::models
