// A machine's word for why a call failed, carried inside the Status: "NO_TEXT", "TOO_LARGE". Services copy it into
// ErrorInfo.reason; the message stays a sentence for people.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace precis {

inline constexpr absl::string_view kReasonPayload = "precis.reason";

// `reason` is UPPER_SNAKE_CASE and listed where the failing call is described. Requires code != kOk.
inline absl::Status StatusWithReason(absl::StatusCode code, std::string_view reason, std::string_view message) {
  absl::Status status(code, absl::string_view(message.data(), message.size()));
  status.SetPayload(kReasonPayload, absl::Cord(absl::string_view(reason.data(), reason.size())));
  return status;
}

// Empty where the status carries none.
inline std::string ReasonOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kReasonPayload);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace precis
