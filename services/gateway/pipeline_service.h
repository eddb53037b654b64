// PipelineService: Ask.
#pragma once

#include <memory>

#include "roles/role_host.h"

namespace precis::services {

// `context` and `host` outlive the service.
std::unique_ptr<grpc::Service> MakePipelineService(const RoleContext& context, const Host& host);

}  // namespace precis::services
