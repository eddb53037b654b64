// Several sequences in one matrix, one after the other, without padding (prepacking, arXiv 2404.09529).
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace precis::engine {

// Sequence s is rows [starts[s], starts[s + 1]). starts[0] == 0; strictly increasing: no sequence is empty.
using RaggedStarts = std::span<const int64_t>;

inline int64_t SequenceCount(RaggedStarts starts) { return static_cast<int64_t>(starts.size()) - 1; }

// InvalidArgument when `starts` does not describe `rows` rows as above.
inline absl::Status CheckRagged(RaggedStarts starts, int64_t rows) {
  if (starts.empty() || starts[0] != 0 || starts.back() != rows) {
    return absl::InvalidArgumentError(absl::StrCat("the sequences do not cover the ", rows, " rows of the batch"));
  }
  for (size_t s = 1; s < starts.size(); ++s) {
    if (starts[s] <= starts[s - 1]) {
      return absl::InvalidArgumentError(absl::StrCat("sequence ", s - 1, " of the batch is empty"));
    }
  }
  return absl::OkStatus();
}

}  // namespace precis::engine
