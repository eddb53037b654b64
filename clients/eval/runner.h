// Runs methods x budgets over questions with one generator, a row at a time.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "eval/backend.h"
#include "eval/question_set.h"
#include "eval/run_log.h"
#include "eval/settings.h"

namespace precis::eval {

struct RunInput {
  const QuestionSet* set;
  const Settings* settings;
  std::vector<int> questions;          // indices, in the order to run them
  ModelIdentity generator;             // loaded
  std::map<std::string, int> methods;  // of the server, with their algorithms' versions
  std::string collection;              // to search in; empty where every question has fixed candidates
};

struct RunCounts {
  int64_t done = 0, skipped = 0, failed = 0;  // rows measured now, measured before, with an error
};

// Called before each row; false ends the run with Cancelled.
using RowProgress = std::function<bool(int64_t done, int64_t total, const std::string& what)>;

// closed and none are run for every question whatever the settings' methods, since all else is measured against them.
// A row that fails is recorded with its sentence and the run goes on. Errors: Cancelled, Unavailable, DeadlineExceeded
// (of the server) end it; every row so far is in the log.
absl::Status RunEvaluation(Backend& backend, const RunInput& input, RunLog& log, const RowProgress& progress,
                           RunCounts* counts);

// Versions of the algorithms that a method runs, such as "3" or "3|1"; "auto" has those of all.
std::string MethodVersion(const std::string& method, const std::map<std::string, int>& versions);

}  // namespace precis::eval
