// What a written summary may say: by rule, only what its sources bear out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support.h"

namespace precis::compress {

// A text that a summary is made from.
struct SourceText {
  std::string_view text;
  std::vector<int> passages;  // of the request, that it is from; at least one
  std::vector<int> parts;     // parts of a long text that it is from; increasing, may be empty
};

struct SummarySentence {
  std::string text;
  std::vector<int> cited;  // passages of the request, increasing; at least one
  std::vector<int> parts;  // of its sources, increasing
};

struct CheckedSummary {
  std::vector<SummarySentence> sentences;  // may be empty: nothing that was written is supported
  int unsupported = 0;                     // sentences left out
};

// Keeps the sentences that share a word with the sources and have no name or number that neither these nor `known`
// (what was said before, already checked) have; what is said twice is kept once. Each cites the sources that are most
// like it, at most three passages. Precise about names and numbers, blind to wrong relations between them.
CheckedSummary CheckSummary(const std::vector<SourceText>& sources, std::string_view known, std::string_view text);

}  // namespace precis::compress
