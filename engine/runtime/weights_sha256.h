// The hash of a model's files, for its fingerprint.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace precis::engine {

// Of one file: its SHA-256. Of several: over their hashes in the order given. Lower-case hexadecimal. Errors: as
// reading.
absl::StatusOr<std::string> WeightsSha256(const std::vector<std::string>& paths);

}  // namespace precis::engine
