// Text given on the command line, in a file, or on standard input.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace precis::cli {

// `argument`: the text itself; "@PATH": the file's content; "-": standard input. At most `max_bytes`, of valid UTF-8.
absl::StatusOr<std::string> ReadTextArgument(const std::string& argument, int64_t max_bytes = 64 << 20);

}  // namespace precis::cli
