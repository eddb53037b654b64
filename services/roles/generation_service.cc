#include "roles/generation_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/common.h"
#include "convert/generation.h"
#include "precis/base/status_macros.h"
#include "precis/index/names.h"
#include "roles/retriever_services.h"
#include "runtime/server_stream.h"
#include "runtime/status.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

constexpr int64_t kDefaultMaxTokens = 512;
constexpr int64_t kMaxScoredTokens = 131'072;
constexpr size_t kMaxTokenizeBytes = 3 << 20;
constexpr size_t kMaxTokenizeListBytes = 128 << 10;
// Deltas are never waited for: they are bounded by max_tokens.
constexpr size_t kDeltaQueue = 64;
// Where the client sets no deadline, freeing a model gives up then.
constexpr absl::Duration kUnloadTimeout = absl::Seconds(60);

absl::Status GenerateStream(Generators& generators, const v1::GenerateRequest& request, absl::Time arrived,
                            const CallContext& call, Metrics& metrics,
                            ServerStreamCall<v1::GenerateResponse>::Queue& out) {
  PRECIS_ASSIGN_OR_RETURN(engine::GenerateRequest converted, FromProto(request));
  PRECIS_ASSIGN_OR_RETURN(const auto model, generators.Get(request.model()));
  if (converted.max_tokens == 0) {
    PRECIS_ASSIGN_OR_RETURN(const int64_t prompt, model->CountPromptTokens(converted));
    converted.max_tokens =
        static_cast<int>(std::clamp<int64_t>(model->info().max_tokens - prompt, 1, kDefaultMaxTokens));
  }
  absl::Time first_token = absl::InfinitePast();
  // A client that reads slowly gets fewer and larger deltas: what waits is bounded by its text, not by its tokens.
  std::string held;
  const auto send = [&] {
    v1::GenerateResponse event;
    event.mutable_delta()->set_text(std::move(held));
    held.clear();
    return out.Push(std::move(event));
  };
  const auto sink = [&](std::string_view text) {
    if (first_token == absl::InfinitePast()) first_token = absl::Now();
    held += text;
    return out.full() || send();
  };
  PRECIS_ASSIGN_OR_RETURN(const engine::GenerateResult result, model->Generate(converted, call, sink));
  if (!held.empty() && !send()) return absl::CancelledError("the client is gone");

  v1::GenerateResponse last;
  v1::GenerateDone* done = last.mutable_done();
  done->set_finish_reason(ToProto(result.finish));
  done->mutable_usage()->set_prompt_tokens(static_cast<int32_t>(result.prompt_tokens));
  done->mutable_usage()->set_cached_prompt_tokens(static_cast<int32_t>(result.cached_prompt_tokens));
  done->mutable_usage()->set_completion_tokens(static_cast<int32_t>(result.completion_tokens));
  v1::GenerationTimings* timings = done->mutable_timings();
  const absl::Duration total = absl::Now() - arrived;
  timings->set_queue_us(
      std::max<int64_t>(0, absl::ToInt64Microseconds(total - result.prefill_time - result.decode_time)));
  timings->set_prefill_us(absl::ToInt64Microseconds(result.prefill_time));
  timings->set_decode_us(absl::ToInt64Microseconds(result.decode_time));
  timings->set_time_to_first_token_us(
      absl::ToInt64Microseconds(first_token == absl::InfinitePast() ? total : first_token - arrived));
  done->set_model(model->info().name);
  done->set_model_fingerprint(model->info().fingerprint);
  const auto count = [&](const char* direction, int64_t tokens) {
    metrics.Add("precis_tokens_total", {{"direction", direction}}, static_cast<double>(tokens));
  };
  count("prompt", result.prompt_tokens);
  count("prompt_cached", result.cached_prompt_tokens);
  count("completion", result.completion_tokens);
  count("drafted", result.drafted_tokens);
  count("drafted_right", result.drafts_right);
  return out.Push(std::move(last)) ? absl::OkStatus() : absl::CancelledError("the client is gone");
}

absl::StatusOr<std::vector<engine::TokenScore>> ScoreText(engine::LanguageModel& model,
                                                          const v1::ScoreTokensRequest& request,
                                                          const CallContext& call) {
  if (!request.has_chat()) return model.ScoreTokens(request.context(), request.text(), call);
  if (!request.context().empty()) return FieldError("chat", "and context are both given: one stands before the text");
  PRECIS_ASSIGN_OR_RETURN(const auto messages, FromProto(request.chat()));
  return model.ScoreAnswer(messages, request.text(), request.tenant(), call);
}

}  // namespace

grpc::ServerWriteReactor<v1::GenerateResponse>* GenerationService::Generate(grpc::CallbackServerContext* context,
                                                                            const v1::GenerateRequest* request) {
  const absl::Time arrived = absl::Now();
  return RunServerStream<v1::GenerateResponse>(
      host_, "GenerationService/Generate", context, kDeltaQueue,
      [this, request, arrived](const CallContext& call, ServerStreamCall<v1::GenerateResponse>::Queue& out) {
        return GenerateStream(generators_, *request, arrived, call, *host_.metrics, out);
      });
}

grpc::ServerUnaryReactor* GenerationService::ScoreTokens(grpc::CallbackServerContext* context,
                                                         const v1::ScoreTokensRequest* request,
                                                         v1::ScoreTokensResponse* reply) {
  return RunUnary(host_, "GenerationService/ScoreTokens", context, reply,
                  [this, request, reply](const CallContext& call) -> absl::Status {
                    PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request->tenant()));
                    PRECIS_ASSIGN_OR_RETURN(const auto model, generators_.Get(request->model()));
                    PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, model->tokenizer().CountTokens(request->text()));
                    if (tokens > kMaxScoredTokens) {
                      return FieldError("text",
                                        absl::StrCat("has ", tokens, " tokens, the limit is ", kMaxScoredTokens));
                    }
                    PRECIS_ASSIGN_OR_RETURN(const auto scores, ScoreText(*model, *request, call));
                    for (const engine::TokenScore& score : scores) {
                      v1::ScoredToken* out = reply->add_tokens();
                      out->set_id(score.token.id);
                      ToProto(score.token.bytes, out->mutable_range());
                      out->set_logprob(score.logprob);
                    }
                    reply->set_model_fingerprint(model->info().fingerprint);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* GenerationService::ScoreSegments(grpc::CallbackServerContext* context,
                                                           const v1::ScoreSegmentsRequest* request,
                                                           v1::ScoreSegmentsResponse* reply) {
  return RunUnary(host_, "GenerationService/ScoreSegments", context, reply,
                  [this, request, reply](const CallContext& call) -> absl::Status {
                    PRECIS_ASSIGN_OR_RETURN(const engine::SegmentScoreOptions options, FromProto(*request));
                    PRECIS_ASSIGN_OR_RETURN(const auto model, generators_.Get(request->model()));
                    const std::vector<std::string_view> segments(request->segments().begin(),
                                                                 request->segments().end());
                    PRECIS_ASSIGN_OR_RETURN(const std::vector<float> scores,
                                            model->ScoreSegments(segments, request->question(), options, call));
                    reply->mutable_scores()->Add(scores.begin(), scores.end());
                    reply->set_model_fingerprint(model->info().fingerprint);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* GenerationService::Tokenize(grpc::CallbackServerContext* context,
                                                      const v1::TokenizeRequest* request, v1::TokenizeResponse* reply) {
  return RunUnary(
      info_host_, "GenerationService/Tokenize", context, reply,
      [this, request, reply](const CallContext&) -> absl::Status {
        const size_t limit = request->include_tokens() ? kMaxTokenizeListBytes : kMaxTokenizeBytes;
        if (request->text().size() > limit) {
          return FieldError("text", absl::StrCat("has ", request->text().size(), " bytes, the limit is ", limit,
                                                 request->include_tokens() ? " with include_tokens" : ""));
        }
        std::string name = request->model();
        if (name.empty()) {
          PRECIS_ASSIGN_OR_RETURN(const DefaultGenerator found, generators_.Default());
          name = found.name;
        }
        PRECIS_ASSIGN_OR_RETURN(const auto tokenizer, tokenizers_.Get(name));
        const engine::EncodeOptions options{request->add_special_tokens(), request->parse_special_tokens()};
        if (request->include_tokens()) {
          PRECIS_ASSIGN_OR_RETURN(const auto tokens, tokenizer->EncodeWithOffsets(request->text(), options));
          for (const engine::Token& token : tokens) {
            v1::Token* out = reply->add_tokens();
            out->set_id(token.id);
            ToProto(token.bytes, out->mutable_range());
          }
          reply->set_token_count(static_cast<int64_t>(tokens.size()));
        } else {
          PRECIS_ASSIGN_OR_RETURN(const auto ids, tokenizer->Encode(request->text(), options));
          reply->set_token_count(static_cast<int64_t>(ids.size()));
        }
        reply->set_tokenizer_fingerprint(tokenizer->fingerprint());
        reply->set_model(name);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* GenerationService::ListModels(grpc::CallbackServerContext* context,
                                                        const v1::ListModelsRequest* request,
                                                        v1::ListModelsResponse* reply) {
  return RunUnary(info_host_, "GenerationService/ListModels", context, reply,
                  [this, request, reply](const CallContext&) {
                    for (v1::Model& model : generators_.DescribeAll()) {
                      if (request->kind() == v1::MODEL_KIND_UNSPECIFIED || request->kind() == model.kind()) {
                        reply->add_models()->Swap(&model);
                      }
                    }
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* GenerationService::LoadModel(grpc::CallbackServerContext* context,
                                                       const v1::LoadModelRequest* request,
                                                       v1::LoadModelResponse* reply) {
  return RunUnary(load_host_, "GenerationService/LoadModel", context, reply,
                  [this, request, reply](const CallContext&) -> absl::Status {
                    PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request->tenant()));
                    PRECIS_RETURN_IF_ERROR(CheckRequestId(request->request_id()));
                    if (request->name().empty()) return FieldError("name", "is empty: name a model");
                    if (request->idle_timeout_ms() < 0) return FieldError("idle_timeout_ms", "must not be negative");
                    PRECIS_RETURN_IF_ERROR(generators_.loaded().Get(request->name()).status());
                    if (request->has_idle_timeout_ms()) {
                      generators_.SetIdleTimeout(request->name(), absl::Milliseconds(request->idle_timeout_ms()));
                    }
                    PRECIS_ASSIGN_OR_RETURN(*reply->mutable_model(), generators_.Describe(request->name()));
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* GenerationService::UnloadModel(grpc::CallbackServerContext* context,
                                                         const v1::UnloadModelRequest* request,
                                                         v1::UnloadModelResponse* reply) {
  return RunUnary(load_host_, "GenerationService/UnloadModel", context, reply,
                  [this, request, reply](const CallContext& call) -> absl::Status {
                    PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request->tenant()));
                    PRECIS_RETURN_IF_ERROR(CheckRequestId(request->request_id()));
                    if (request->name().empty()) return FieldError("name", "is empty: name a model");
                    PRECIS_ASSIGN_OR_RETURN(const v1::Model before, generators_.Describe(request->name()));
                    PRECIS_RETURN_IF_ERROR(
                        generators_.loaded().Unload(request->name(), call.WithDeadline(absl::Now() + kUnloadTimeout)));
                    PRECIS_ASSIGN_OR_RETURN(*reply->mutable_model(), generators_.Describe(request->name()));
                    reply->set_freed_bytes(before.memory_bytes());
                    return absl::OkStatus();
                  });
}

}  // namespace precis::services
