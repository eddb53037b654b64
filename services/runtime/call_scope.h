// What every call of a service has: its identity, its deadline, its line in the log, its numbers.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "precis/base/call_context.h"
#include "runtime/executor.h"
#include "runtime/metrics.h"

namespace precis::services {

inline constexpr char kRequestIdMetadata[] = "x-request-id";
inline constexpr char kTraceparentMetadata[] = "traceparent";

// Where the calls of one role run. Outlives them.
struct Host {
  std::string role;
  Executor* executor = nullptr;
  Metrics* metrics = nullptr;
  int64_t max_message_bytes = 4 << 20;
  bool log_calls = true;  // at level info; false: at debug, since the front server logs the same call
};

// The request id is the client's x-request-id (at most 128 printable ASCII bytes) or made up, and is returned in the
// initial metadata.
class CallScope {
 public:
  CallScope(const Host& host, std::string method, grpc::CallbackServerContext* context);

  const Host& host() const { return host_; }
  const CallContext& call() const { return call_; }
  const std::string& method() const { return method_; }
  absl::Time started() const { return started_; }

  // Call once, when the status is decided: counts and logs the call.
  void Finished(const grpc::Status& status) const;

 private:
  const Host& host_;
  const std::string method_;
  const absl::Time started_;
  const std::string peer_;
  CallContext call_;
};

// The deadline of a server call; InfiniteFuture where the client set none.
absl::Time DeadlineOf(const grpc::ServerContextBase& context);
void SetDeadline(absl::Time deadline, grpc::ClientContext* context);
// As far as they are there, copies x-request-id and traceparent, and nothing else, to a call to another role.
void CopyTraceMetadata(const grpc::ServerContextBase& from, const std::string& request_id, grpc::ClientContext* to);

}  // namespace precis::services
