// What tenants and collections may be called, for every service that is given one.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace precis::index {

inline constexpr int kMaxNameBytes = 128;

// OK for 1 to kMaxNameBytes of A-Z a-z 0-9 . _ - that do not begin with a dot; else InvalidArgument, which quotes the
// name and states this rule.
absl::Status ValidateCollectionName(const std::string& name);
// The same rule; empty is the default tenant.
absl::Status ValidateTenant(const std::string& tenant);

}  // namespace precis::index
