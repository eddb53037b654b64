// One summary by the generator: the texts as data between delimiters, a target length, and asking again while the
// answer is too long (TCRA-LLM, section 3.1: how its training summaries were made).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "methods/method.h"
#include "methods/summary_support.h"

namespace precis::compress {

// Tokens of the chat template and the instructions, with room to spare.
inline constexpr int64_t kPromptTokens = 256;

struct SummaryTask {
  std::string texts = "these texts together";  // what is summarised: "Summarise " + texts + " in at most N words."
  std::string keep;                            // a sentence on what matters; may be empty
  std::string before;                          // a summary of what came before the sources, data too; may be empty
  int64_t words = 0;                           // target length at most, >= 1
  int64_t max_tokens = 0;                      // of one answer, >= 1; a sentence that this cuts off is dropped
  int attempts = 1;                            // answers at most: the first, then shorter ones
  engine::Sampling sampling;
};

struct WrittenSummary {
  std::string text;
  int64_t words = 0;  // of all that was written, what was cut off included
  int asked = 1;      // answers that the generator gave
  bool from_cache = false;
  bool within(const SummaryTask& task) const { return words <= task.words; }
};

// Words of prose; in scripts without spaces each character is one.
int64_t CountWords(std::string_view text);

// Tokens of texts that one call may read beside an answer of `max_tokens` that may be asked for again;
// FailedPrecondition where the generator's window has no room for any.
absl::StatusOr<int64_t> RoomForTexts(const MethodInput& input, int64_t max_tokens);

// `sources` fit RoomForTexts. What they say is data: no text can spell the delimiters. The last answer counts, unless
// it is longer than the one before. It is cached by tenant, generator, task and the texts read, and erased with any of
// their documents. Counts itself in input.notes.generated. Errors: Cancelled, DeadlineExceeded; Unavailable for all
// that the generator fails with.
absl::StatusOr<WrittenSummary> WriteSummary(const MethodInput& input, const std::vector<SourceText>& sources,
                                            const SummaryTask& task);

// Texts as a prompt shows them, between delimiters that none of them can spell.
std::string DelimitedTexts(const std::vector<SourceText>& sources);

// What WriteSummary leaves in the notes, for methods that fill in more.
GeneratedReceipt& GeneratedNotes(const MethodInput& input);

// A generator's error as a reason to fall back: Unavailable, but for Cancelled and DeadlineExceeded.
absl::Status GeneratorFailure(const absl::Status& status);

}  // namespace precis::compress
