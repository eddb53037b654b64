// What a request may hold, checked before anything is computed.
#pragma once

#include "absl/status/status.h"
#include "precis/compress/types.h"

namespace precis::compress {

// Errors: InvalidArgument, ResourceExhausted; each names the value, the limit and the way out.
absl::Status ValidateRequest(const Request& request);

}  // namespace precis::compress
