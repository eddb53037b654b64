// The highest delete epoch that a cache has acknowledged, in a file beside its store: what is left to go by when the
// store is damaged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace precis::cache {

// Durable on return.
absl::Status WriteEpochFile(const std::string& path, uint64_t epoch);

struct EpochFile {
  bool damaged = false;  // the file is there but cannot be believed
  uint64_t epoch = 0;    // 0 without a file: nothing was ever acknowledged
};
EpochFile ReadEpochFile(const std::string& path);

}  // namespace precis::cache
