#include "runtime/call_scope.h"

#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/log.h"

namespace precis::services {
namespace {

std::string FromMetadata(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return {};
  const std::string value(found->second.data(), found->second.size());
  if (value.size() > 128) return {};
  for (char c : value) {
    if (c < 0x20 || c > 0x7e) return {};
  }
  return value;
}

std::string MakeRequestId() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return absl::StrCat(absl::Hex(random(), absl::kZeroPad16));
}

std::string RequestIdOf(const grpc::ServerContextBase& context) {
  std::string id = FromMetadata(context, kRequestIdMetadata);
  return id.empty() ? MakeRequestId() : id;
}

}  // namespace

absl::Time DeadlineOf(const grpc::ServerContextBase& context) {
  const auto deadline = context.deadline();
  // Without a deadline gRPC gives the largest time that the clock has, or one close to it.
  if (deadline > std::chrono::system_clock::now() + std::chrono::hours(24 * 365)) return absl::InfiniteFuture();
  return absl::FromChrono(deadline);
}

void SetDeadline(absl::Time deadline, grpc::ClientContext* context) {
  if (deadline != absl::InfiniteFuture()) context->set_deadline(absl::ToChronoTime(deadline));
}

void CopyTraceMetadata(const grpc::ServerContextBase& from, const std::string& request_id, grpc::ClientContext* to) {
  to->AddMetadata(kRequestIdMetadata, request_id);
  if (const std::string trace = FromMetadata(from, kTraceparentMetadata); !trace.empty()) {
    to->AddMetadata(kTraceparentMetadata, trace);
  }
}

CallScope::CallScope(const Host& host, std::string method, grpc::CallbackServerContext* context)
    : host_(host),
      method_(std::move(method)),
      started_(absl::Now()),
      peer_(context->peer()),
      call_(CallContext::Make(DeadlineOf(*context), RequestIdOf(*context))) {
  context->AddInitialMetadata(kRequestIdMetadata, call_.request_id());
}

void CallScope::Finished(const grpc::Status& status) const {
  const absl::Duration duration = absl::Now() - started_;
  host_.metrics->CountCall(host_.role, method_, status.error_code(), duration);
  LogLevel level = host_.log_calls ? LogLevel::kInfo : LogLevel::kDebug;
  if (status.error_code() == grpc::StatusCode::INTERNAL || status.error_code() == grpc::StatusCode::DATA_LOSS) {
    level = LogLevel::kError;
  }
  if (!LogEnabled(level)) return;
  const std::string code = absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code()));
  Log(level, "call",
      {{"role", host_.role},
       {"method", method_},
       {"status", code},
       {"duration_ms", absl::ToDoubleMilliseconds(duration)},
       {"request_id", call_.request_id()},
       {"peer", peer_},
       {"message", status.error_message()}});
}

}  // namespace precis::services
