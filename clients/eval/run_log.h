// The rows of a run on disk, written as they come, so that a killed run goes on where it was.
//
// FOLDER/rows-NAME-XXXXXXXXXXXX.jsonl has the rows of the run with that name (its generator) and fingerprint,
// FOLDER/run-NAME.json says what the last run of that name was made of. A run with another fingerprint (another model,
// other prompts, another question set ...) has a file of its own: its rows never mix with those of this one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eval/row.h"

namespace precis::eval {

// Part of a file's name: letters, digits, dots and hyphens stay, all else is "_".
std::string FileName(const std::string& text);

class RunLog {
 public:
  // `identity`: a flat object of all that makes results comparable; its hash is the fingerprint. Makes the folder. A
  // last line that was not finished is cut off. `notice` gets a sentence when the folder's last run was another one.
  // Errors: FailedPrecondition (another process writes there), DataLoss (a line that is no row), or the system's.
  static absl::StatusOr<std::unique_ptr<RunLog>> Open(const std::string& folder, const std::string& name,
                                                      const nlohmann::ordered_json& identity,
                                                      const std::function<void(const std::string&)>& notice);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  // True if the row was measured before. A row with an error is not: it is tried again.
  bool Has(const Row& row) const { return done_.count(row.Key()) > 0; }
  // Appends a line; a kill after it returns loses nothing (a power cut may).
  absl::Status Append(const Row& row);
  // All rows, those of this process and those before; of rows with one key the last.
  const std::vector<Row>& rows() const { return rows_; }
  const std::string& fingerprint() const { return fingerprint_; }
  const std::string& path() const { return path_; }

 private:
  RunLog() = default;
  absl::Status Read();
  void Remember(Row row);

  std::string path_, fingerprint_;
  int file_ = -1;
  std::vector<Row> rows_;
  std::set<std::string> done_;
  std::map<std::string, size_t> places_;  // key -> index into rows_
};

}  // namespace precis::eval
