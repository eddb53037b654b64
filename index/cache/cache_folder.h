// The folder of a cache: who holds it, and what becomes of a damaged store in it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace precis::cache {

// Takes the folder, made if missing, for this process: a file descriptor that gives it back when closed. Errors:
// FailedPrecondition (another process has it), PermissionDenied, ResourceExhausted (disk full), Internal.
absl::StatusOr<int> LockFolder(const std::string& folder);

// Renames the store `<folder>/db`, if there is one, to `db.damaged-N`.
absl::Status SetStoreAside(const std::string& folder);
// Removes all stores that were set aside.
absl::Status RemoveSetAside(const std::string& folder);

}  // namespace precis::cache
