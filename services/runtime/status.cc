#include "runtime/status.h"

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "precis/base/reason.h"
#include "precis/base/utf8.h"
#include "rpc/google_rpc.pb.h"

namespace precis::services {
namespace {

constexpr absl::string_view kRetryPayload = "precis.retry_ms";
constexpr absl::string_view kFieldPayload = "precis.field";
constexpr size_t kMaxMessageBytes = 3 << 10;

std::string Payload(const absl::Status& status, absl::string_view name) {
  const absl::optional<absl::Cord> payload = status.GetPayload(name);
  return payload.has_value() ? std::string(*payload) : std::string();
}

std::string HeaderSafe(absl::string_view message) {
  std::string text = ReplaceInvalidUtf8(std::string_view(message.data(), message.size()));
  if (text.size() > kMaxMessageBytes) {
    text.resize(FloorToCharBoundary(text, kMaxMessageBytes - 3));
    text += "...";
  }
  return text;
}

}  // namespace

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  status.SetPayload(kRetryPayload, absl::Cord(absl::StrCat(absl::ToInt64Milliseconds(delay))));
  return status;
}

absl::Duration RetryDelayOf(const absl::Status& status) {
  int64_t milliseconds = 0;
  if (!absl::SimpleAtoi(Payload(status, kRetryPayload), &milliseconds)) return absl::ZeroDuration();
  return absl::Milliseconds(milliseconds);
}

absl::Status FieldError(std::string_view field, std::string_view message) {
  absl::Status status = absl::InvalidArgumentError(absl::StrCat(std::string(field), " ", std::string(message)));
  status.SetPayload(kFieldPayload, absl::Cord(std::string(field)));
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = HeaderSafe(status.message());
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  if (const std::string reason = ReasonOf(status); !reason.empty()) {
    google::rpc::ErrorInfo info;
    info.set_reason(reason);
    info.set_domain(kErrorDomain);
    details.add_details()->PackFrom(info);
  }
  if (int64_t milliseconds = 0; absl::SimpleAtoi(Payload(status, kRetryPayload), &milliseconds)) {
    google::rpc::RetryInfo info;
    info.mutable_retry_delay()->set_seconds(milliseconds / 1000);
    info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(milliseconds % 1000) * 1'000'000);
    details.add_details()->PackFrom(info);
  }
  if (const std::string field = Payload(status, kFieldPayload); !field.empty()) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(field);
    violation->set_description(message);
    details.add_details()->PackFrom(bad);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.details().empty() ? std::string() : details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& any : details.details()) {
    if (google::rpc::ErrorInfo info; any.UnpackTo(&info) && info.domain() == kErrorDomain) {
      result.SetPayload(kReasonPayload, absl::Cord(info.reason()));
    } else if (google::rpc::RetryInfo retry; any.UnpackTo(&retry)) {
      const auto& delay = retry.retry_delay();
      result = WithRetryDelay(std::move(result), absl::Seconds(delay.seconds()) + absl::Nanoseconds(delay.nanos()));
    } else if (google::rpc::BadRequest bad; any.UnpackTo(&bad) && bad.field_violations_size() > 0) {
      result.SetPayload(kFieldPayload, absl::Cord(bad.field_violations(0).field()));
    }
  }
  return result;
}

absl::Status FromRole(const grpc::Status& status, std::string_view role, std::string_view address) {
  // A status of a role always has one of our sentences; gRPC's own ("failed to connect to all addresses; ...") has no
  // details either, so it is told by the address that we put in front of everything that could not be reached.
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE || !status.error_details().empty() || address.empty()) {
    return FromGrpc(status);
  }
  return WithRetryDelay(absl::UnavailableError(absl::StrCat("the ", std::string(role), " at ", std::string(address),
                                                            " does not answer: ", status.error_message())),
                        absl::Seconds(1));
}

}  // namespace precis::services
