#include "epoch_file.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/hash.h"

namespace precis::cache {
namespace {

constexpr size_t kChecksumDigits = 16;

std::string Checksum(const std::string& digits) {
  return Sha256Hex("precis erased epoch " + digits).substr(0, kChecksumDigits);
}

}  // namespace

absl::Status WriteEpochFile(const std::string& path, uint64_t epoch) {
  const std::string digits = absl::StrCat(epoch);
  return WriteFileDurably(path, absl::StrCat(digits, " ", Checksum(digits), "\n"));
}

EpochFile ReadEpochFile(const std::string& path) {
  const auto content = ReadFile(path, 256);
  if (absl::IsNotFound(content.status())) return {};
  EpochFile result;
  result.damaged = true;
  if (!content.ok()) return result;
  const size_t space = content->find(' ');
  if (space == std::string::npos) return result;
  const std::string digits = content->substr(0, space);
  if (content->substr(space + 1) != Checksum(digits) + "\n" || !absl::SimpleAtoi(digits, &result.epoch)) return result;
  result.damaged = false;
  return result;
}

}  // namespace precis::cache
