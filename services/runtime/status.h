// absl::Status <-> grpc::Status. A reason (precis/base/reason.h) becomes google.rpc.ErrorInfo, a retry delay RetryInfo,
// a field BadRequest; all come back from a remote role unchanged.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace precis::services {

inline constexpr char kErrorDomain[] = "precis";

// When a refused call may be tried again.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);
// Zero where the status does not say.
absl::Duration RetryDelayOf(const absl::Status& status);
// InvalidArgument about one field, named as in the proto; the two make one sentence: "options.top_k", "is 0, ...".
absl::Status FieldError(std::string_view field, std::string_view message);

// The message is made valid UTF-8 and cut to 3 KiB, since it travels in a header.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);
// As FromGrpc; an Unavailable that gRPC itself made names the role and its address.
absl::Status FromRole(const grpc::Status& status, std::string_view role, std::string_view address);

}  // namespace precis::services
