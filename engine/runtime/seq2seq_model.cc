#include "runtime/seq2seq_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "precis/base/status_macros.h"
#include "runtime/check_request.h"
#include "runtime/sampler.h"
#include "runtime/text_stream.h"

namespace precis::engine {

Seq2SeqModel::Seq2SeqModel(Seq2SeqParts parts) : parts_(std::move(parts)) {}

absl::StatusOr<Seq2SeqModel::Place> Seq2SeqModel::TakePlace() {
  Place place(&taken_);
  if (++taken_ > 1 + parts_.queue_limit) {
    return absl::ResourceExhaustedError(absl::StrCat(parts_.queue_limit, " calls are waiting for model '",
                                                     parts_.info.name, "', which is its limit: try again later"));
  }
  return place;
}

absl::StatusOr<std::string> Seq2SeqModel::RenderChat(const std::vector<ChatMessage>& messages) const {
  std::string text;
  for (const ChatMessage& message : messages) {
    if (message.role != "system" && message.role != "user" && message.role != "assistant") {
      return absl::InvalidArgumentError(
          absl::StrCat("a message has the role '", message.role, "': system, user and assistant are known"));
    }
    absl::StrAppend(&text, text.empty() ? "" : "\n\n", message.content);
  }
  return text;
}

absl::StatusOr<std::vector<TokenId>> Seq2SeqModel::EncodeInput(std::string_view text, bool parse_special) const {
  PRECIS_ASSIGN_OR_RETURN(std::vector<TokenId> ids,
                          parts_.tokenizer->Encode(text, {.add_special = true, .parse_special = parse_special}));
  // Where tokenizer.json does not put it: no T5 was trained on an input without its end.
  if (ids.empty() || ids.back() != parts_.ends.front()) ids.push_back(parts_.ends.front());
  return ids;
}

absl::StatusOr<std::vector<TokenId>> Seq2SeqModel::EncodePrompt(const GenerateRequest& request) const {
  if (request.messages.empty()) return EncodeInput(request.prompt, /*parse_special=*/true);
  PRECIS_ASSIGN_OR_RETURN(const std::string text, RenderChat(request.messages));
  return EncodeInput(text, /*parse_special=*/false);
}

absl::StatusOr<int64_t> Seq2SeqModel::CountPromptTokens(const GenerateRequest& request) const {
  if (request.prompt.empty() == request.messages.empty()) {
    return absl::InvalidArgumentError("the request must have either a prompt or messages");
  }
  PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, EncodePrompt(request));
  return static_cast<int64_t>(ids.size());
}

absl::Status Seq2SeqModel::CheckLength(std::string_view what, int64_t tokens) const {
  if (tokens <= parts_.info.max_tokens) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(std::string(what), " ", tokens, ", model '", parts_.info.name,
                                                    "' takes ", parts_.info.max_tokens,
                                                    ": ask for less or use a longer model"));
}

absl::StatusOr<GenerateResult> Seq2SeqModel::Generate(const GenerateRequest& request, const CallContext& call,
                                                      const DeltaSink& sink) {
  PRECIS_RETURN_IF_ERROR(CheckGenerateRequest(request));
  PRECIS_RETURN_IF_ERROR(call.Check());
  PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> input, EncodePrompt(request));
  GenerateResult result;
  result.prompt_tokens = static_cast<int64_t>(input.size());
  PRECIS_RETURN_IF_ERROR(CheckLength("the tokens of the prompt are", result.prompt_tokens));
  PRECIS_RETURN_IF_ERROR(CheckLength("max_tokens is", request.max_tokens));
  PRECIS_ASSIGN_OR_RETURN(const Place place, TakePlace());
  PRECIS_ASSIGN_OR_RETURN(const Turnstile::Turn turn, turnstile_.Enter(call));

  const absl::Time begun = absl::Now();
  PRECIS_ASSIGN_OR_RETURN(const auto state, parts_.model->Read(input, request.max_tokens, call));
  const absl::Time read = absl::Now();
  result.prefill_time = read - begun;
  Sampler sampler(request.sampling);
  TextStream stream(request.stop);
  const auto send = [&](const std::string& delta) {
    result.text += delta;
    return delta.empty() || !sink || sink(delta);
  };
  TokenId token = static_cast<TokenId>(parts_.model->config().decoder_start);
  result.finish = FinishReason::kMaxTokens;
  bool begins = true;  // no bytes yet: what comes first has no space before it
  while (result.completion_tokens < request.max_tokens) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    PRECIS_ASSIGN_OR_RETURN(const std::span<const float> logits, parts_.model->Step(state.get(), token));
    const auto next = sampler.Next(logits, result.completion_tokens);
    if (!next.ok()) {
      return absl::Status(next.status().code(),
                          absl::StrCat("model '", parts_.info.name, "': ", next.status().message()));
    }
    token = *next;
    if (std::find(parts_.ends.begin(), parts_.ends.end(), token) != parts_.ends.end()) {
      result.finish = FinishReason::kEndOfText;
      break;
    }
    ++result.completion_tokens;
    // The head may have more rows than the tokenizer has tokens; those say nothing.
    std::string bytes(parts_.tokenizer->TokenBytes(token));
    if (begins && bytes.starts_with(' ')) bytes.erase(0, 1);
    begins = begins && bytes.empty();
    if (!send(stream.Push(bytes))) return absl::CancelledError("the receiver of the text ended the call");
    if (stream.stopped()) {
      result.finish = FinishReason::kStopString;
      break;
    }
  }
  if (!send(stream.Finish())) return absl::CancelledError("the receiver of the text ended the call");
  result.decode_time = absl::Now() - read;
  return result;
}

absl::StatusOr<std::vector<TokenScore>> Seq2SeqModel::ScoreTokens(std::string_view context, std::string_view text,
                                                                  const CallContext& call) {
  PRECIS_RETURN_IF_ERROR(call.Check());
  PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> input, EncodeInput(context, /*parse_special=*/false));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<Token> tokens, parts_.tokenizer->EncodeWithOffsets(text, {}));
  PRECIS_RETURN_IF_ERROR(CheckLength("the tokens of the context are", static_cast<int64_t>(input.size())));
  PRECIS_RETURN_IF_ERROR(CheckLength("the tokens of the text are", static_cast<int64_t>(tokens.size())));
  std::vector<TokenScore> scores;
  if (tokens.empty()) return scores;
  PRECIS_ASSIGN_OR_RETURN(const Place place, TakePlace());
  PRECIS_ASSIGN_OR_RETURN(const Turnstile::Turn turn, turnstile_.Enter(call));
  PRECIS_ASSIGN_OR_RETURN(const auto state, parts_.model->Read(input, static_cast<int64_t>(tokens.size()), call));
  TokenId before = static_cast<TokenId>(parts_.model->config().decoder_start);
  for (const Token& token : tokens) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    PRECIS_ASSIGN_OR_RETURN(const std::span<const float> logits, parts_.model->Step(state.get(), before));
    const double total = parts_.model->LogSumExp(logits);
    if (std::isnan(total)) {
      return absl::InternalError(absl::StrCat("model '", parts_.info.name, "' gave a logit that is not a number"));
    }
    const double logprob = logits[static_cast<size_t>(token.id)] - total;
    scores.push_back({token, static_cast<float>(std::min(0.0, logprob))});
    before = token.id;
  }
  return scores;
}

absl::StatusOr<std::vector<TokenScore>> Seq2SeqModel::ScoreAnswer(const std::vector<ChatMessage>& messages,
                                                                  std::string_view text, const std::string&,
                                                                  const CallContext& call) {
  PRECIS_ASSIGN_OR_RETURN(const std::string context, RenderChat(messages));
  return ScoreTokens(context, text, call);
}

absl::StatusOr<std::vector<float>> Seq2SeqModel::ScoreSegments(std::span<const std::string_view> segments,
                                                               std::string_view question,
                                                               const SegmentScoreOptions& options,
                                                               const CallContext& call) {
  if (options.scoring != SegmentScoring::kQuestionLikelihood) {
    return absl::UnimplementedError(absl::StrCat("model '", parts_.info.name,
                                                 "' is an encoder-decoder: of the ways to score segments it has "
                                                 "question likelihood alone"));
  }
  PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, parts_.tokenizer->CountTokens(question));
  if (tokens == 0) return absl::InvalidArgumentError("the question is empty: segments are scored by it");
  std::vector<float> scores;
  for (const std::string_view segment : segments) {
    const auto scored = ScoreTokens(segment, question, call);
    if (!scored.ok()) {
      return absl::Status(scored.status().code(),
                          absl::StrCat("segment ", scores.size(), ": ", scored.status().message()));
    }
    double sum = 0;
    for (const TokenScore& score : *scored) sum += score.logprob;
    scores.push_back(static_cast<float>(sum / static_cast<double>(scored->size())));
  }
  return scores;
}

}  // namespace precis::engine
