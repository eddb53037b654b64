#include "adapters/remote_generator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/await.h"
#include "convert/common.h"
#include "convert/generation.h"
#include "precis/base/status_macros.h"
#include "precis/v1/generation.grpc.pb.h"
#include "runtime/call_scope.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr absl::Duration kInfoTimeout = absl::Seconds(5);
// A model may be on a slow disk.
constexpr absl::Duration kLoadTimeout = absl::Seconds(60);

engine::ModelInfo InfoFromProto(const v1::Model& model) {
  engine::ModelInfo info;
  info.name = model.name();
  info.architecture = model.architecture();
  info.fingerprint = model.fingerprint();
  info.tokenizer_fingerprint = model.tokenizer_fingerprint();
  info.numeric_mode = model.numeric_mode();
  info.parameters = model.parameter_count();
  info.max_tokens = model.max_tokens();
  return info;
}

// A unary call, awaited. `start`: (stub's async interface, context, callback).
template <class Start>
absl::Status Call(const RoleChannel& channel, absl::Duration timeout, const CallContext& call, Start start) {
  const auto stub = v1::GenerationService::NewStub(channel.channel);
  grpc::ClientContext context;
  SetDeadline(std::min(call.deadline(), absl::Now() + timeout), &context);
  if (!call.request_id().empty()) context.AddMetadata(kRequestIdMetadata, call.request_id());
  Arrival arrival;
  start(stub->async(), &context, [&arrival](grpc::Status status) { arrival.Arrive(std::move(status)); });
  const grpc::Status status = arrival.Await(call, [&context] { context.TryCancel(); });
  return status.ok() ? absl::OkStatus() : FromRole(status, "generator", channel.address);
}

// Reads one Generate stream to its end.
class GenerateStream final : public grpc::ClientReadReactor<v1::GenerateResponse> {
 public:
  GenerateStream(v1::GenerationService::Stub* stub, const v1::GenerateRequest& request, const CallContext& call,
                 const engine::DeltaSink& sink)
      : sink_(sink) {
    SetDeadline(call.deadline(), &context_);
    if (!call.request_id().empty()) context_.AddMetadata(kRequestIdMetadata, call.request_id());
    stub->async()->Generate(&context_, &request, this);
    StartRead(&event_);
    StartCall();
  }

  grpc::Status Await(const CallContext& call) {
    return done_.Await(call, [this] { context_.TryCancel(); });
  }
  // After Await() said OK.
  absl::StatusOr<engine::GenerateResult> Take() {
    if (refused_) return absl::CancelledError("the receiver of the text ended the call");
    if (!complete_) return absl::InternalError("the generator's stream ended without its last event");
    return std::move(result_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (event_.has_delta()) {
      result_.text += event_.delta().text();
      if (sink_ && !refused_ && !sink_(event_.delta().text())) {
        refused_ = true;
        context_.TryCancel();
      }
    }
    if (event_.has_done()) {
      const v1::GenerateDone& done = event_.done();
      complete_ = true;
      result_.finish = done.finish_reason() == v1::FINISH_REASON_LENGTH        ? engine::FinishReason::kMaxTokens
                       : done.finish_reason() == v1::FINISH_REASON_STOP_STRING ? engine::FinishReason::kStopString
                                                                               : engine::FinishReason::kEndOfText;
      result_.prompt_tokens = done.usage().prompt_tokens();
      result_.cached_prompt_tokens = done.usage().cached_prompt_tokens();
      result_.completion_tokens = done.usage().completion_tokens();
      result_.prefill_time = absl::Microseconds(done.timings().prefill_us());
      result_.decode_time = absl::Microseconds(done.timings().decode_us());
    }
    StartRead(&event_);
  }
  void OnDone(const grpc::Status& status) override { done_.Arrive(status); }

  const engine::DeltaSink& sink_;
  grpc::ClientContext context_;
  v1::GenerateResponse event_;
  engine::GenerateResult result_;
  bool complete_ = false, refused_ = false;
  Arrival done_;
};

class RemoteGenerator final : public engine::Generator {
 public:
  RemoteGenerator(RoleChannel channel, engine::ModelInfo info, std::shared_ptr<const engine::Tokenizer> tokenizer)
      : channel_(std::move(channel)),
        stub_(v1::GenerationService::NewStub(channel_.channel)),
        info_(std::move(info)),
        tokenizer_(std::move(tokenizer)) {}

  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return *tokenizer_; }

  absl::StatusOr<std::string> RenderChat(const std::vector<engine::ChatMessage>&) const override {
    return absl::UnimplementedError("a generator of another role renders chats itself");
  }
  // Without the template's own tokens.
  absl::StatusOr<int64_t> CountPromptTokens(const engine::GenerateRequest& request) const override {
    std::string text = request.prompt;
    for (const engine::ChatMessage& message : request.messages) text += message.content;
    return tokenizer_->CountTokens(text);
  }

  absl::StatusOr<engine::GenerateResult> Generate(const engine::GenerateRequest& request, const CallContext& call,
                                                  const engine::DeltaSink& sink) override {
    PRECIS_RETURN_IF_ERROR(call.Check());
    v1::GenerateRequest message;
    message.set_tenant(request.tenant);
    message.set_model(info_.name);
    if (request.messages.empty()) message.set_prompt(request.prompt);
    for (const engine::ChatMessage& from : request.messages) {
      v1::ChatMessage* to = message.mutable_chat()->add_messages();
      to->set_role(from.role == "system"      ? v1::CHAT_ROLE_SYSTEM
                   : from.role == "assistant" ? v1::CHAT_ROLE_ASSISTANT
                                              : v1::CHAT_ROLE_USER);
      to->set_content(from.content);
    }
    message.mutable_sampling()->set_temperature(request.sampling.temperature);
    message.mutable_sampling()->set_top_k(request.sampling.top_k);
    message.mutable_sampling()->set_top_p(request.sampling.top_p);
    message.mutable_sampling()->set_min_p(request.sampling.min_p);
    message.mutable_sampling()->set_seed(request.sampling.seed);
    message.set_max_tokens(request.max_tokens);
    for (const std::string& stop : request.stop) message.add_stop_strings(stop);
    GenerateStream stream(stub_.get(), message, call, sink);
    const grpc::Status status = stream.Await(call);
    if (!status.ok()) return FromRole(status, "generator", channel_.address);
    return stream.Take();
  }

 private:
  const RoleChannel channel_;
  const std::unique_ptr<v1::GenerationService::Stub> stub_;
  const engine::ModelInfo info_;
  const std::shared_ptr<const engine::Tokenizer> tokenizer_;
};

class RemoteTokenScorer final : public engine::TokenScorer {
 public:
  RemoteTokenScorer(RoleChannel channel, std::string model) : channel_(std::move(channel)), model_(std::move(model)) {}

  absl::StatusOr<std::vector<engine::TokenScore>> ScoreTokens(std::string_view context, std::string_view text,
                                                              const CallContext& call) override {
    PRECIS_RETURN_IF_ERROR(call.Check());
    v1::ScoreTokensRequest request;
    request.set_model(model_);
    request.set_context(std::string(context));
    request.set_text(std::string(text));
    v1::ScoreTokensResponse response;
    PRECIS_RETURN_IF_ERROR(Call(channel_, absl::InfiniteDuration(), call, [&](auto* stub, auto* to, auto done) {
      stub->ScoreTokens(to, &request, &response, done);
    }));
    std::vector<engine::TokenScore> scores;
    scores.reserve(static_cast<size_t>(response.tokens_size()));
    for (const v1::ScoredToken& token : response.tokens()) {
      scores.push_back({{token.id(), {token.range().begin(), token.range().end()}}, token.logprob()});
    }
    return scores;
  }

 private:
  const RoleChannel channel_;
  const std::string model_;
};

class RemoteSegmentScorer final : public engine::SegmentScorer {
 public:
  RemoteSegmentScorer(RoleChannel channel, std::string model)
      : channel_(std::move(channel)), model_(std::move(model)) {}

  absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                   std::string_view question,
                                                   const engine::SegmentScoreOptions& options,
                                                   const CallContext& call) override {
    const bool apart = options.scoring != engine::SegmentScoring::kAttention;
    std::vector<float> scores;
    while (scores.size() < segments.size()) {
      PRECIS_RETURN_IF_ERROR(call.Check());
      v1::ScoreSegmentsRequest request;
      request.set_model(model_);
      request.set_question(std::string(question));
      ToProto(options, &request);
      int64_t bytes = 0;
      for (size_t i = scores.size(); i < segments.size(); ++i) {
        bytes += static_cast<int64_t>(segments[i].size());
        const bool full = bytes > kMaxSegmentBytes || request.segments_size() == kMaxSegments;
        if (full && !apart) {
          // Their scores compare within a call only.
          return absl::FailedPreconditionError(
              absl::StrCat(segments.size(), " segments are more than one call to the generator takes, which is ",
                           kMaxSegments, " of ", kMaxSegmentBytes, " bytes in all: let fewer be scored"));
        }
        if (full && request.segments_size() > 0) break;
        request.add_segments(std::string(segments[i]));
      }
      v1::ScoreSegmentsResponse response;
      PRECIS_RETURN_IF_ERROR(Call(channel_, absl::InfiniteDuration(), call, [&](auto* stub, auto* to, auto done) {
        stub->ScoreSegments(to, &request, &response, done);
      }));
      if (response.scores_size() != request.segments_size()) {
        return absl::InternalError(absl::StrCat("the generator gave ", response.scores_size(), " scores for ",
                                                request.segments_size(), " segments"));
      }
      for (const double score : response.scores()) scores.push_back(static_cast<float>(score));
    }
    return scores;
  }

 private:
  const RoleChannel channel_;
  const std::string model_;
};

}  // namespace

RemoteGenerators::RemoteGenerators(const Channels& channels, const ModelSource& models)
    : channels_(channels), tokenizers_(models) {}

absl::StatusOr<engine::ModelInfo> RemoteGenerators::Find(const std::string& model, const CallContext& call) {
  v1::ListModelsRequest request;
  request.set_kind(v1::MODEL_KIND_GENERATOR);
  v1::ListModelsResponse response;
  PRECIS_RETURN_IF_ERROR(
      Call(channels_.Get(Role::kGenerator), kInfoTimeout, call,
           [&](auto* stub, auto* to, auto done) { stub->ListModels(to, &request, &response, done); }));
  const v1::Model* found = nullptr;
  for (const v1::Model& listed : response.models()) {
    if (listed.state() == v1::MODEL_STATE_FAILED) continue;
    if (listed.name() == model) return InfoFromProto(listed);
    if (listed.is_default()) found = &listed;
  }
  if (found == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the generator role has no model '", model, "': precis model pull ", model, " fetches it"));
  }
  return InfoFromProto(*found);
}

absl::StatusOr<engine::ModelInfo> RemoteGenerators::Load(const std::string& model, const CallContext& call) {
  PRECIS_ASSIGN_OR_RETURN(engine::ModelInfo info, Find(model, call));
  if (!info.fingerprint.empty()) return info;
  v1::LoadModelRequest request;
  request.set_name(info.name);
  v1::LoadModelResponse response;
  PRECIS_RETURN_IF_ERROR(
      Call(channels_.Get(Role::kGenerator), kLoadTimeout, call,
           [&](auto* stub, auto* to, auto done) { stub->LoadModel(to, &request, &response, done); }));
  return InfoFromProto(response.model());
}

absl::StatusOr<std::shared_ptr<engine::Generator>> RemoteGenerators::Generator(const std::string& model,
                                                                               const CallContext& call) {
  PRECIS_ASSIGN_OR_RETURN(engine::ModelInfo info, Load(model, call));
  PRECIS_ASSIGN_OR_RETURN(auto tokenizer, tokenizers_.Get(info.name));
  if (tokenizer->fingerprint() != info.tokenizer_fingerprint) {
    return absl::FailedPreconditionError(
        absl::StrCat("model '", info.name, "' here has tokenizer ", tokenizer->fingerprint().substr(0, 16),
                     ", the generator's has ", info.tokenizer_fingerprint.substr(0, 16),
                     ": token counts would not hold; put the same model into both models folders"));
  }
  return std::make_shared<RemoteGenerator>(channels_.Get(Role::kGenerator), std::move(info), std::move(tokenizer));
}

absl::StatusOr<RemoteScorer> RemoteGenerators::Scorer(const std::string& model, const CallContext& call) {
  PRECIS_ASSIGN_OR_RETURN(engine::ModelInfo info, Load(model, call));
  auto scorer = std::make_shared<RemoteTokenScorer>(channels_.Get(Role::kGenerator), info.name);
  auto segments = std::make_shared<RemoteSegmentScorer>(channels_.Get(Role::kGenerator), info.name);
  return RemoteScorer{std::move(scorer), std::move(segments), std::move(info)};
}

}  // namespace precis::services
