#include "cli/input.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::cli {
namespace {

absl::StatusOr<std::string> ReadBytes(const std::string& argument, int64_t max_bytes) {
  if (argument.size() > 1 && argument[0] == '@') return ReadFile(argument.substr(1), max_bytes);
  if (argument != "-") return argument;
  std::string text;
  char block[1 << 16];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read standard input");
    if (got == 0) return text;
    text.append(block, static_cast<size_t>(got));
    if (static_cast<int64_t>(text.size()) > max_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("standard input has more than ", max_bytes, " bytes"));
    }
  }
}

}  // namespace

absl::StatusOr<std::string> ReadTextArgument(const std::string& argument, int64_t max_bytes) {
  PRECIS_ASSIGN_OR_RETURN(std::string text, ReadBytes(argument, max_bytes));
  if (IsValidUtf8(text)) return text;
  const std::string where = argument == "-" ? "standard input" : argument[0] == '@' ? argument.substr(1) : "the text";
  return absl::InvalidArgumentError(
      absl::StrCat(where, " is not valid UTF-8: convert it first, for instance with iconv"));
}

}  // namespace precis::cli
