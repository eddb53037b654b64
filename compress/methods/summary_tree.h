// Summaries of a text of any length: of its parts, then of groups of summaries, until they are short enough; or one
// summary that every part is worked into. Both as in BooookScore (Chang et al. 2024, section 2: hierarchical merging
// and incremental updating), with what came before carried along.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "methods/method.h"
#include "methods/summary_support.h"

namespace precis::compress {

struct TreeOptions {
  bool incremental = false;
  bool carry = true;           // parts and groups are read with the summary of what stands before them
  int64_t part_tokens = 0;     // of the generator, that are read at once; at most as many as its window has room for
  int64_t summary_tokens = 0;  // of one summary; less where the window is small, more where all parts may have more
  int64_t goal_tokens = 0;     // of the target model, that the summaries may have together
};

struct SummaryTree {
  std::vector<std::vector<SummarySentence>> summaries;  // in the order of the text; none is empty
  std::vector<ByteRange> parts;                         // where SummarySentence::parts are in all texts joined
  int64_t bytes = 0;                                    // of all texts
  int levels = 0;                                       // 1: the parts' own summaries
};

// Every sentence is checked against what it was made from (CheckSummary): a part's against its text, a group's against
// the checked summaries; so all names and numbers go back to the text. One that repeats what was said before is left
// out. Summaries that have nothing left are left out too. Errors: as WriteSummary; FailedPrecondition (nothing that was
// written has support; the window has no room).
absl::StatusOr<SummaryTree> SummariseText(const MethodInput& input, const TreeOptions& options);

// "31 to 38 %, 90 to 100 %": which places of the text none of these sentences is about. Empty: all are.
std::string Omissions(const SummaryTree& tree, const std::vector<SummarySentence>& kept);

}  // namespace precis::compress
