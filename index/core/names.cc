#include "precis/index/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace precis::index {
namespace {

absl::Status Validate(const char* what, const std::string& name) {
  const bool right = !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
                     });
  if (right) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the name of a ", what, " must be 1 to ", kMaxNameBytes,
                   " of A-Z a-z 0-9 . _ - and not begin with a dot, not '", absl::CHexEscape(name.substr(0, 64)),
                   name.size() > 64 ? absl::StrCat("...' (", static_cast<int64_t>(name.size()), " bytes)") : "'"));
}

}  // namespace

absl::Status ValidateCollectionName(const std::string& name) { return Validate("collection", name); }

absl::Status ValidateTenant(const std::string& tenant) {
  return tenant.empty() ? absl::OkStatus() : Validate("tenant", tenant);
}

}  // namespace precis::index
