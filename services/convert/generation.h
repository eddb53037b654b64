// Messages of generation.proto <-> the engine's types.
#pragma once

#include "absl/status/statusor.h"
#include "precis/engine/generator.h"
#include "precis/v1/generation.pb.h"

namespace precis::services {

// Errors: InvalidArgument (no input, a role that is not given, a value out of bounds). `max_tokens` stays 0 where the
// request leaves it open.
absl::StatusOr<engine::GenerateRequest> FromProto(const v1::GenerateRequest& request);

v1::FinishReason ToProto(engine::FinishReason reason);

}  // namespace precis::services
