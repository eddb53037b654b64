#include "runtime/language_model.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "runtime/check_request.h"
#include "runtime/segment_scorers.h"
#include "runtime/text_stream.h"

namespace precis::engine {
namespace {

// Besides what the file names as end of text and of turn: tokens that end a turn in some family and never belong into
// a text. A name that is no special token of this vocabulary is passed over.
constexpr std::string_view kEndNames[] = {"<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>",
                                          "<|end|>",       "<end_of_turn>",   "</s>"};

std::vector<TokenId> FindEnds(const Tokenizer& tokenizer, const std::vector<TokenId>& named) {
  std::set<TokenId> ends(named.begin(), named.end());
  for (const TokenId id : {tokenizer.special().eos, tokenizer.special().end_of_turn}) {
    if (id >= 0) ends.insert(id);
  }
  for (const std::string_view name : kEndNames) {
    const auto special = tokenizer.Encode(name, {.add_special = false, .parse_special = true});
    const auto plain = tokenizer.Encode(name, {});
    if (special.ok() && plain.ok() && special->size() == 1 && *special != *plain) ends.insert(special->front());
  }
  return {ends.begin(), ends.end()};
}

}  // namespace

DecoderLanguageModel::DecoderLanguageModel(LanguageModelParts parts)
    : info_(std::move(parts.info)),
      tokenizer_(std::move(parts.tokenizer)),
      template_(parts.chat_template),
      ends_(FindEnds(*tokenizer_, parts.ends)),
      scheduler_(std::move(parts.decoder), parts.scheduler, std::move(parts.speculation)) {}

absl::StatusOr<std::string> DecoderLanguageModel::RenderChat(const std::vector<ChatMessage>& messages) const {
  PRECIS_ASSIGN_OR_RETURN(const std::vector<PromptPiece> pieces, template_.Render(messages));
  std::string text;
  for (const PromptPiece& piece : pieces) text += piece.text;
  return text;
}

std::vector<TokenId> DecoderLanguageModel::Beginning() const {
  if (tokenizer_->special_tokens_added() == 0 || tokenizer_->special().bos < 0) return {};
  return {tokenizer_->special().bos};
}

absl::StatusOr<std::vector<TokenId>> DecoderLanguageModel::EncodePrompt(const GenerateRequest& request) const {
  std::vector<TokenId> ids = Beginning();
  if (request.messages.empty()) {
    PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> text,
                            tokenizer_->Encode(request.prompt, {.add_special = false, .parse_special = true}));
    // A prompt that spells <bos> itself does not get a second one.
    if (!ids.empty() && !text.empty() && text.front() == ids.front()) ids.clear();
    ids.insert(ids.end(), text.begin(), text.end());
  } else {
    PRECIS_ASSIGN_OR_RETURN(const std::vector<PromptPiece> pieces, template_.Render(request.messages));
    for (const PromptPiece& piece : pieces) {
      PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> text,
                              tokenizer_->Encode(piece.text, {.add_special = false, .parse_special = piece.special}));
      ids.insert(ids.end(), text.begin(), text.end());
    }
  }
  if (ids.empty()) return absl::InvalidArgumentError("the prompt has no tokens: send some text");
  return ids;
}

absl::StatusOr<int64_t> DecoderLanguageModel::CountPromptTokens(const GenerateRequest& request) const {
  if (request.prompt.empty() == request.messages.empty()) {
    return absl::InvalidArgumentError("the request must have either a prompt or messages");
  }
  PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, EncodePrompt(request));
  return static_cast<int64_t>(ids.size());
}

absl::StatusOr<GenerateResult> DecoderLanguageModel::Generate(const GenerateRequest& request, const CallContext& call,
                                                              const DeltaSink& sink) {
  PRECIS_RETURN_IF_ERROR(CheckGenerateRequest(request));
  PRECIS_RETURN_IF_ERROR(call.Check());
  SequenceJob job;
  PRECIS_ASSIGN_OR_RETURN(job.tokens, EncodePrompt(request));
  GenerateResult result;
  result.prompt_tokens = static_cast<int64_t>(job.tokens.size());
  if (result.prompt_tokens + request.max_tokens > info_.max_tokens) {
    return absl::FailedPreconditionError(
        absl::StrCat("the prompt has ", result.prompt_tokens, " tokens and max_tokens is ", request.max_tokens,
                     ", model '", info_.name, "' takes ", info_.max_tokens,
                     " in all: shorten the prompt, lower max_tokens or use a longer model"));
  }
  job.tenant = request.tenant;
  job.call = call;
  job.sampling = request.sampling;
  job.max_tokens = request.max_tokens;
  job.ends = ends_;
  TextStream stream(request.stop);
  bool refused = false;
  const auto send = [&](const std::string& delta) {
    result.text += delta;
    if (!delta.empty() && sink && !sink(delta)) refused = true;
    return !refused;
  };
  job.on_token = [&](TokenId id) { return send(stream.Push(tokenizer_->TokenBytes(id))) && !stream.stopped(); };
  PRECIS_RETURN_IF_ERROR(scheduler_.Run(&job));
  if (!refused) send(stream.Finish());
  if (refused) return absl::CancelledError("the receiver of the text ended the call");
  result.finish = stream.stopped() ? FinishReason::kStopString
                  : job.ended      ? FinishReason::kEndOfText
                                   : FinishReason::kMaxTokens;
  result.cached_prompt_tokens = job.cached_tokens;
  result.completion_tokens = job.generated;
  result.drafted_tokens = job.drafted;
  result.drafts_right = job.drafts_right;
  result.prefill_time = job.prefill_time;
  result.decode_time = job.decode_time;
  return result;
}

absl::StatusOr<std::vector<TokenScore>> DecoderLanguageModel::ScoreTokens(std::string_view context,
                                                                          std::string_view text,
                                                                          const CallContext& call) {
  std::vector<TokenId> before = Beginning();
  if (!context.empty()) {
    PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, tokenizer_->Encode(context, {}));
    before.insert(before.end(), ids.begin(), ids.end());
  }
  return Score(std::move(before), text, "", call);
}

absl::StatusOr<std::vector<TokenScore>> DecoderLanguageModel::ScoreAnswer(const std::vector<ChatMessage>& messages,
                                                                          std::string_view text,
                                                                          const std::string& tenant,
                                                                          const CallContext& call) {
  GenerateRequest request;
  request.messages = messages;
  PRECIS_ASSIGN_OR_RETURN(std::vector<TokenId> before, EncodePrompt(request));
  return Score(std::move(before), text, tenant, call);
}

absl::StatusOr<std::vector<TokenScore>> DecoderLanguageModel::Score(std::vector<TokenId> before, std::string_view text,
                                                                    const std::string& tenant,
                                                                    const CallContext& call) {
  PRECIS_RETURN_IF_ERROR(call.Check());
  SequenceJob job;
  job.call = call;
  job.tenant = tenant;
  const size_t begin = before.size();
  job.tokens = std::move(before);
  PRECIS_ASSIGN_OR_RETURN(const std::vector<Token> tokens, tokenizer_->EncodeWithOffsets(text, {}));
  for (const Token& token : tokens) job.tokens.push_back(token.id);
  if (static_cast<int64_t>(job.tokens.size()) > info_.max_tokens) {
    return absl::FailedPreconditionError(absl::StrCat("the text has ", tokens.size(), " tokens and its context ", begin,
                                                      ", model '", info_.name, "' takes ", info_.max_tokens,
                                                      " in all: score it in parts or use a longer model"));
  }
  std::vector<TokenScore> scores(tokens.size());
  if (tokens.empty()) return scores;
  job.score_from = std::max<int64_t>(1, static_cast<int64_t>(begin));
  PRECIS_RETURN_IF_ERROR(scheduler_.Run(&job));
  const size_t unscored = tokens.size() - job.logprobs.size();  // the first token when nothing stands before it
  for (size_t i = 0; i < tokens.size(); ++i) {
    scores[i] = {tokens[i], i < unscored ? 0.0f : job.logprobs[i - unscored]};
  }
  return scores;
}

absl::StatusOr<std::vector<float>> DecoderLanguageModel::ScoreSegments(std::span<const std::string_view> segments,
                                                                       std::string_view question,
                                                                       const SegmentScoreOptions& options,
                                                                       const CallContext& call) {
  PRECIS_RETURN_IF_ERROR(call.Check());
  PRECIS_RETURN_IF_ERROR(CheckSegmentOptions(question, options, scheduler_.decoder().config().layers));
  if (segments.empty()) return std::vector<float>();
  const SegmentModel model{info_, *tokenizer_, scheduler_, Beginning()};
  return options.scoring == SegmentScoring::kAttention ? ScoreByAttention(model, segments, question, options, call)
                                                       : ScoreApart(model, segments, question, options, call);
}

}  // namespace precis::engine
