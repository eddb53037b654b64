// Whether a model answers the same from a capsule as from its sources: the reward of Nano-Capsulator (arXiv 2402.18700,
// section 3.3), used to choose instead of to train.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "methods/method.h"
#include "methods/summary_support.h"

namespace precis::compress {

inline constexpr size_t kMaxProbes = 100;
inline constexpr size_t kMaxProbeBytes = 1024;

// The lines of the parameter, without blank ones. Errors: InvalidArgument (more than kMaxProbes; one is too long).
absl::StatusOr<std::vector<std::string>> ParseProbes(std::string_view lines);

// At most `count` questions that the generator finds in the sources; fewer where it writes fewer.
absl::StatusOr<std::vector<std::string>> MakeProbes(const MethodInput& input, const std::vector<SourceText>& sources,
                                                    int count);

// The generator's short answer from these texts, greedy.
absl::StatusOr<std::string> AnswerProbe(const MethodInput& input, const std::vector<SourceText>& texts,
                                        const std::string& question);

// The same numbers, and at least half of the content words of both together (F1); equal but for layout where neither
// has any.
bool SameAnswer(std::string_view a, std::string_view b);

}  // namespace precis::compress
