#include "eval/run_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"

namespace precis::eval {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaxRowsBytes = int64_t{4} << 30, kMaxRunBytes = 1 << 20;

absl::Status WriteAll(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

// Members that are not the same in both, by name.
std::string Differences(const ordered_json& a, const ordered_json& b) {
  std::string names;
  for (const auto& [name, value] : b.items()) {
    if (!a.contains(name) || a[name] != value) absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  }
  for (const auto& [name, value] : a.items()) {
    if (!b.contains(name)) absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  }
  return names;
}

}  // namespace

std::string FileName(const std::string& text) {
  std::string name;
  for (char c : text) name += absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ? c : '_';
  return name;
}

RunLog::~RunLog() {
  if (file_ >= 0) ::close(file_);
}

absl::StatusOr<std::unique_ptr<RunLog>> RunLog::Open(const std::string& folder, const std::string& name,
                                                     const ordered_json& identity,
                                                     const std::function<void(const std::string&)>& notice) {
  PRECIS_RETURN_IF_ERROR(MakeFolders(folder));
  std::unique_ptr<RunLog> log(new RunLog);
  log->fingerprint_ = Sha256Hex(identity.dump());
  log->path_ = absl::StrCat(folder, "/rows-", FileName(name), "-", log->fingerprint_.substr(0, 12), ".jsonl");
  log->file_ = ::open(log->path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0644);
  if (log->file_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", log->path_));
  if (::flock(log->file_, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("another 'precis eval' writes ", log->path_, ": wait for it, or name another --output"));
  }
  const std::string run_path = absl::StrCat(folder, "/run-", FileName(name), ".json");
  if (const auto bytes = ReadFile(run_path, kMaxRunBytes); bytes.ok()) {
    const ordered_json last = ordered_json::parse(*bytes, nullptr, false);
    if (last.is_object() && last.value("fingerprint", "") != log->fingerprint_ && last.contains("identity")) {
      notice(absl::StrCat("the last run in ", folder, " was another one (differs in: ",
                          Differences(last["identity"], identity), "); this one has rows of its own in ", log->path_));
    }
  }
  PRECIS_RETURN_IF_ERROR(WriteFileDurably(
      run_path, ordered_json{{"fingerprint", log->fingerprint_}, {"identity", identity}}.dump(1) + "\n"));
  PRECIS_RETURN_IF_ERROR(log->Read());
  return log;
}

absl::Status RunLog::Read() {
  PRECIS_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path_, kMaxRowsBytes));
  size_t at = 0;
  for (int line = 1; at < bytes.size(); ++line) {
    const size_t end = bytes.find('\n', at);
    if (end == std::string::npos) break;
    auto row = ParseRow(bytes.substr(at, end - at));
    if (!row.ok()) {
      return absl::DataLossError(absl::StrCat(path_, ":", line, ": ", row.status().message(),
                                              ": remove the line, and the row is measured again"));
    }
    Remember(*std::move(row));
    at = end + 1;
  }
  if (at < bytes.size() && ::ftruncate(file_, static_cast<off_t>(at)) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot cut the unfinished line off ", path_));
  }
  return absl::OkStatus();
}

void RunLog::Remember(Row row) {
  const std::string key = row.Key();
  if (row.error.empty()) {
    done_.insert(key);
  } else {
    done_.erase(key);
  }
  row.context.clear();  // long, and for readers of the file only
  const auto [place, added] = places_.emplace(key, rows_.size());
  if (added) {
    rows_.push_back(std::move(row));
  } else {
    rows_[place->second] = std::move(row);
  }
}

absl::Status RunLog::Append(const Row& row) {
  PRECIS_RETURN_IF_ERROR(WriteAll(file_, ToJson(row) + "\n", path_));
  Remember(row);
  return absl::OkStatus();
}

}  // namespace precis::eval
