// What a user's path to a model is: a Hugging Face folder, a GGUF file, or a folder with exactly one GGUF file.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace precis::engine {

enum class ModelKind { kHfFolder, kGguf };

struct ModelFiles {
  ModelKind kind = ModelKind::kGguf;
  std::string path;       // as given
  std::string name;       // plain name: the folder's, or the file's without ".gguf" ("model.gguf": its folder's)
  std::string gguf;       // kGguf: the file
  std::string folder;     // kHfFolder: the folder, no slash at the end
  std::string config;     // kHfFolder: its config.json
  std::string weights;    // kHfFolder: its model.safetensors, or model.safetensors.index.json when it has parts
  std::string tokenizer;  // kHfFolder: its tokenizer.json; empty when it has none
};

// Reads names only, plus a file's first four bytes. Errors: NotFound (no such path; a folder without a model, with what
// would make it one), InvalidArgument (an empty file, not a GGUF file, several GGUF files in a folder, with their
// names), Unimplemented (weights only in formats that are not read: pickle, ONNX).
absl::StatusOr<ModelFiles> FindModelFiles(const std::string& path);

}  // namespace precis::engine
