// Counts units, and cuts those that alone are larger than a piece may be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "precis/base/call_context.h"
#include "precis/split/splitter.h"
#include "src/unit.h"

namespace precis::split {

// Afterwards every unit has at most max_tokens tokens and is not blank. Each cut inside a word adds a warning, the
// first few with their place. Errors: InvalidArgument (one character has more than max_tokens tokens), Cancelled,
// DeadlineExceeded, those of the tokenizer.
absl::Status CountAndCut(std::string_view text, const SplitOptions& options, const CallContext& call,
                         std::vector<Unit>* units, std::vector<std::string>* warnings);

}  // namespace precis::split
