#include "convert/generation.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "precis/index/names.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr int64_t kMaxInputBytes = 3 << 20;
constexpr int kMaxStops = 16;
constexpr size_t kMaxStopBytes = 256;

absl::Status CheckSampling(const v1::Sampling& sampling) {
  const auto within = [](float value, float low, float high) { return value >= low && value <= high; };
  if (!within(sampling.temperature(), 0, 10)) return FieldError("sampling.temperature", "must be from 0 to 10");
  if (sampling.top_k() < 0) return FieldError("sampling.top_k", "must not be negative");
  if (sampling.has_top_p() && (!within(sampling.top_p(), 0, 1) || sampling.top_p() == 0)) {
    return FieldError("sampling.top_p", "must be above 0 and at most 1");
  }
  if (!within(sampling.min_p(), 0, 1) || sampling.min_p() == 1) {
    return FieldError("sampling.min_p", "must be at least 0 and below 1");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<engine::ChatMessage>> FromProto(const v1::Chat& chat) {
  if (chat.messages().empty()) return FieldError("chat.messages", "is empty: at least one is needed");
  std::vector<engine::ChatMessage> messages;
  for (int i = 0; i < chat.messages_size(); ++i) {
    const v1::ChatMessage& message = chat.messages(i);
    const char* role = message.role() == v1::CHAT_ROLE_SYSTEM      ? "system"
                       : message.role() == v1::CHAT_ROLE_USER      ? "user"
                       : message.role() == v1::CHAT_ROLE_ASSISTANT ? "assistant"
                                                                   : nullptr;
    if (role == nullptr) return FieldError("chat.messages.role", absl::StrCat("is not set in message ", i));
    if (message.role() == v1::CHAT_ROLE_SYSTEM && i > 0) {
      return FieldError("chat.messages.role", absl::StrCat("is SYSTEM in message ", i, ", only the first may have it"));
    }
    messages.push_back({role, message.content()});
  }
  return messages;
}

absl::StatusOr<engine::GenerateRequest> FromProto(const v1::GenerateRequest& request) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  engine::GenerateRequest out;
  int64_t bytes = 0;
  if (request.has_prompt()) {
    if (request.prompt().empty()) return FieldError("prompt", "is empty");
    out.prompt = request.prompt();
    bytes = static_cast<int64_t>(out.prompt.size());
  } else if (request.has_chat()) {
    PRECIS_ASSIGN_OR_RETURN(out.messages, FromProto(request.chat()));
    for (const engine::ChatMessage& message : out.messages) bytes += static_cast<int64_t>(message.content.size());
  } else {
    return FieldError("input", "is not set: give a prompt or a chat");
  }
  if (bytes > kMaxInputBytes) {
    return FieldError("input", absl::StrCat("has ", bytes, " bytes, the limit is ", kMaxInputBytes));
  }
  if (absl::Status valid = CheckSampling(request.sampling()); !valid.ok()) return valid;
  out.sampling.temperature = request.sampling().temperature();
  out.sampling.top_k = request.sampling().top_k();
  if (request.sampling().has_top_p()) out.sampling.top_p = request.sampling().top_p();
  out.sampling.min_p = request.sampling().min_p();
  out.sampling.seed = request.sampling().seed();
  if (request.max_tokens() < 0) {
    return FieldError("max_tokens", absl::StrCat("is ", request.max_tokens(), ", must be 0 (the default) or more"));
  }
  out.max_tokens = request.max_tokens();
  if (request.stop_strings_size() > kMaxStops) {
    return FieldError("stop_strings",
                      absl::StrCat("has ", request.stop_strings_size(), " entries, the limit is ", kMaxStops));
  }
  for (const std::string& stop : request.stop_strings()) {
    if (stop.empty() || stop.size() > kMaxStopBytes) {
      return FieldError("stop_strings", absl::StrCat("must each have 1 to ", kMaxStopBytes, " bytes"));
    }
    out.stop.push_back(stop);
  }
  out.tenant = request.tenant();
  return out;
}

v1::FinishReason ToProto(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kEndOfText:
      return v1::FINISH_REASON_END_OF_TEXT;
    case engine::FinishReason::kStopString:
      return v1::FINISH_REASON_STOP_STRING;
    case engine::FinishReason::kMaxTokens:
      return v1::FINISH_REASON_LENGTH;
  }
  return v1::FINISH_REASON_UNSPECIFIED;
}

absl::StatusOr<engine::SegmentScoreOptions> FromProto(const v1::ScoreSegmentsRequest& request) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  if (request.question().empty()) return FieldError("question", "is empty: segments are scored by it");
  if (request.segments().empty()) return FieldError("segments", "is empty: send at least one");
  if (request.segments_size() > kMaxSegments) {
    return FieldError("segments",
                      absl::StrCat("has ", request.segments_size(), " entries, the limit is ", kMaxSegments));
  }
  int64_t bytes = 0;
  for (const std::string& segment : request.segments()) bytes += static_cast<int64_t>(segment.size());
  if (bytes > kMaxSegmentBytes) {
    return FieldError("segments", absl::StrCat("have ", bytes, " bytes together, the limit is ", kMaxSegmentBytes));
  }
  engine::SegmentScoreOptions out;
  switch (request.method()) {
    case v1::SEGMENT_SCORE_METHOD_ATTENTION:
      out.scoring = engine::SegmentScoring::kAttention;
      break;
    case v1::SEGMENT_SCORE_METHOD_ENTROPY:
      out.scoring = engine::SegmentScoring::kEntropy;
      break;
    case v1::SEGMENT_SCORE_METHOD_QUESTION_LIKELIHOOD:
      out.scoring = engine::SegmentScoring::kQuestionLikelihood;
      break;
    default:
      return FieldError("method", "must be ATTENTION, ENTROPY or QUESTION_LIKELIHOOD");
  }
  // The engine checks the bounds; here 0 only stands for the default.
  const v1::SegmentScoreOptions& options = request.options();
  if (options.window_tokens() != 0) out.window_tokens = options.window_tokens();
  if (options.top_tokens() != 0) out.top_tokens = options.top_tokens();
  if (options.phrase_tokens() != 0) out.phrase_tokens = options.phrase_tokens();
  if (options.has_layer()) out.layer = options.layer();
  if (options.has_entropy_tokens()) out.entropy_tokens = options.entropy_tokens();
  out.published = options.published();
  return out;
}

void ToProto(const engine::SegmentScoreOptions& options, v1::ScoreSegmentsRequest* request) {
  request->set_method(options.scoring == engine::SegmentScoring::kAttention ? v1::SEGMENT_SCORE_METHOD_ATTENTION
                      : options.scoring == engine::SegmentScoring::kEntropy
                          ? v1::SEGMENT_SCORE_METHOD_ENTROPY
                          : v1::SEGMENT_SCORE_METHOD_QUESTION_LIKELIHOOD);
  v1::SegmentScoreOptions* out = request->mutable_options();
  out->set_window_tokens(options.window_tokens);
  out->set_top_tokens(options.top_tokens);
  out->set_phrase_tokens(options.phrase_tokens);
  out->set_layer(options.layer);
  out->set_entropy_tokens(options.entropy_tokens);
  out->set_published(options.published);
}

}  // namespace precis::services
