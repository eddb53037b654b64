// What people do without a compressor, at equal tokens: the rows that a method must beat. They use the product's own
// sentences and BM25 (index/text), so that they are no weaker than what it is built from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eval/backend.h"

namespace precis::eval {

// Tokens of a finished context by the target model's tokenizer.
using Count = std::function<absl::StatusOr<int64_t>(const std::string& text)>;

// The context of `method`, one of settings.h's with a budget, with Count(text) <= budget; empty where not even a word
// fits. Deterministic; `seed` is for kRandom. Where the best passage (kWhole) or sentence does not fit, it is cut
// behind a word: a baseline of nothing at all would be too easy to beat.
absl::StatusOr<Context> MakeBaseline(const std::string& method, const std::vector<Passage>& passages,
                                     const std::string& query, int64_t budget, uint64_t seed, const Count& count);

}  // namespace precis::eval
