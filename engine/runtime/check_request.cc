#include "runtime/check_request.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/sampler.h"

namespace precis::engine {

constexpr size_t kMaxStops = 16;

absl::Status CheckGenerateRequest(const GenerateRequest& request) {
  if (request.prompt.empty() == request.messages.empty()) {
    return absl::InvalidArgumentError(request.prompt.empty()
                                          ? "the request has neither a prompt nor messages: send one"
                                          : "the request has a prompt and messages: send one of them");
  }
  if (request.max_tokens < 1) {
    return absl::InvalidArgumentError(absl::StrCat("max_tokens is ", request.max_tokens, "; it must be at least 1"));
  }
  if (request.stop.size() > kMaxStops) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.stop.size(), " stop strings were given; at most ", kMaxStops, " are allowed"));
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty()) return absl::InvalidArgumentError("a stop string is empty: leave it out");
  }
  return CheckSampling(request.sampling);
}

}  // namespace precis::engine
