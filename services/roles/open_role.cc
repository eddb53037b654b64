#include "roles/open_role.h"

namespace precis::services {

absl::StatusOr<std::unique_ptr<RoleHost>> OpenRole(Role role, const RoleContext& context) {
  switch (role) {
    case Role::kEmbedder:
      return OpenEmbedderRole(context);
    case Role::kRetriever:
      return OpenRetrieverRole(context);
    case Role::kCompressor:
      return OpenCompressorRole(context);
    case Role::kGenerator:
      return OpenGeneratorRole(context);
    case Role::kGateway:
      break;
  }
  return absl::InternalError("the gateway is no role that is opened");
}

}  // namespace precis::services
