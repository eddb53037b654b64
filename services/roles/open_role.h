// Opens the roles. Each Open* lives with its role.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "roles/role_host.h"

namespace precis::services {

// Not for the gateway, which hosts no state and has a server of its own.
absl::StatusOr<std::unique_ptr<RoleHost>> OpenRole(Role role, const RoleContext& context);

absl::StatusOr<std::unique_ptr<RoleHost>> OpenEmbedderRole(const RoleContext& context);
absl::StatusOr<std::unique_ptr<RoleHost>> OpenRetrieverRole(const RoleContext& context);
absl::StatusOr<std::unique_ptr<RoleHost>> OpenCompressorRole(const RoleContext& context);
absl::StatusOr<std::unique_ptr<RoleHost>> OpenGeneratorRole(const RoleContext& context);

}  // namespace precis::services
