// Needle in a haystack: facts that are made up, put at given depths of texts of given lengths.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace precis::eval {

struct NeedlePlan {
  std::string haystack;          // folder; its .txt and .md files are read in order of their names
  std::vector<int64_t> lengths;  // tokens of the haystack, 100 to 200,000
  std::vector<int64_t> depths;   // percent, 0 to 100
  int repeats = 1;               // needles for each length and depth, 1 to 100
  int64_t passage_tokens = 200;  // the haystack is cut into passages of about so many
  uint64_t seed = 1;
};

// Writes a question set (question_set.h) to `folder`: for each length, depth and repeat a haystack of its own, cut into
// passages that are the question's fixed candidates, with a sentence that answers the question in other words than the
// question's at the depth; every second needle also has a question without its needle, which has no answer. `count`
// counts tokens. Deterministic. Errors: InvalidArgument (a bound; too little text for the greatest length, with both
// numbers), or those of the files.
absl::Status MakeNeedles(const NeedlePlan& plan, const std::string& folder,
                         const std::function<absl::StatusOr<int64_t>(const std::string&)>& count);

}  // namespace precis::eval
