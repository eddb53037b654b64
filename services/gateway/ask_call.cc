#include "gateway/ask_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/common.h"
#include "convert/compression.h"
#include "gateway/ask_events.h"
#include "gateway/ask_request.h"
#include "gateway/question_fusion.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

// Up to here Tokenize also lists the tokens, which tells how many each part has.
constexpr size_t kMaxListedBytes = 128 << 10;
// Of the earlier turns these bytes are counted: more than any share of a budget can hold needs no exact number.
constexpr size_t kMaxCountedTurnBytes = 2 << 20;
constexpr size_t kMaxListedTurnBytes = 16 << 10;
// Passages of all questions together.
constexpr int kMaxFusedPassages = 1000;
constexpr int kDefaultTopK = 10;
// A talk of fewer tokens says nothing.
constexpr int64_t kLeastTalk = 8;
// Events that may wait for the client before the generator is asked to wait.
constexpr size_t kQueue = 64;
constexpr absl::Duration kEncoderTimeout = absl::Seconds(5);
// Tokens that capsules leave at least.
constexpr int64_t kLeastForPassages = 16;

}  // namespace

grpc::ServerWriteReactor<v1::AskResponse>* AskCall::Start(Shared& shared, grpc::CallbackServerContext* context,
                                                          const v1::AskRequest& request) {
  auto call = std::make_shared<AskCall>(shared, context, request);
  call->self_ = call;
  call->Begin();
  return call.get();
}

AskCall::AskCall(Shared& shared, grpc::CallbackServerContext* context, const v1::AskRequest& request)
    : shared_(shared),
      server_context_(context),
      request_(request),
      scope_(shared.host, "PipelineService/Ask", context),
      outgoing_(this, kQueue) {}

template <class Request, class Response, class Starter>
void AskCall::Launch(Role role, SubCall<Request, Response>* call, Starter start, Step then) {
  call->channel = shared_.context.channels.Get(role);
  SetDeadline(scope_.call().deadline(), &call->context);
  CopyTraceMetadata(*server_context_, scope_.call().request_id(), &call->context);
  start(call, [self = shared_from_this(), role, call, then](const grpc::Status& status) {
    if (!status.ok()) return self->End(FromRole(status, RoleName(role), call->channel.address));
    (self.get()->*then)();
  });
}

void AskCall::Begin() {
  if (absl::Status valid = CheckAskRequest(request_); !valid.ok()) return End(valid);
  for (const std::string& name : request_.capsules()) {
    capsule_calls_.push_back(std::make_unique<CapsuleCall>());
    capsule_calls_.back()->request.set_tenant(request_.tenant());
    capsule_calls_.back()->request.set_name(name);
  }
  capsule_calls_.empty() ? Gather() : FetchCapsule();
}

void AskCall::FetchCapsule() {
  Launch(
      Role::kCompressor, capsule_calls_[fetched_capsules_].get(),
      [](auto* call, auto done) {
        v1::CompressionService::NewStub(call->channel.channel)
            ->async()
            ->GetCapsule(&call->context, &call->request, &call->response, done);
      },
      &AskCall::FetchedCapsule);
}

void AskCall::FetchedCapsule() {
  if (Ended()) return;
  const absl::Status added = capsules_.Add(capsule_calls_[fetched_capsules_]->response.capsule());
  if (!added.ok()) return End(added);
  ++fetched_capsules_ < capsule_calls_.size() ? FetchCapsule() : Gather();
}

void AskCall::Gather() {
  gathering_ = 2;
  retrieve_began_ = absl::Now();
  StartTokenize(&tokenize_.request);
  Launch(
      Role::kGenerator, &tokenize_,
      [](auto* call, auto done) {
        v1::GenerationService::NewStub(call->channel.channel)
            ->async()
            ->Tokenize(&call->context, &call->request, &call->response, done);
      },
      &AskCall::Tokenized);
  StartSearch();
}

void AskCall::StartSearch() {
  v1::SearchOptions options = request_.search();
  options.set_include_text(true);
  options.set_cache_policy(request_.cache_policy());
  if (QuestionCount(request_) > 1) {
    batch_.request.set_tenant(request_.tenant());
    batch_.request.set_collection(request_.collection());
    *batch_.request.mutable_options() = options;
    for (int i = 0; i < QuestionCount(request_); ++i) batch_.request.add_queries()->set_query(QuestionOf(request_, i));
    return Launch(
        Role::kRetriever, &batch_,
        [](auto* call, auto done) {
          v1::RetrievalService::NewStub(call->channel.channel)
              ->async()
              ->SearchBatch(&call->context, &call->request, &call->response, done);
        },
        &AskCall::BatchSearched);
  }
  search_.request.set_tenant(request_.tenant());
  search_.request.set_collection(request_.collection());
  search_.request.set_query(request_.question());
  *search_.request.mutable_options() = options;
  Launch(
      Role::kRetriever, &search_,
      [](auto* call, auto done) {
        v1::RetrievalService::NewStub(call->channel.channel)
            ->async()
            ->Search(&call->context, &call->request, &call->response, done);
      },
      &AskCall::Searched);
}

void AskCall::Tokenized() {
  models_.request.set_kind(v1::MODEL_KIND_GENERATOR);
  Launch(
      Role::kGenerator, &models_,
      [](auto* call, auto done) {
        v1::GenerationService::NewStub(call->channel.channel)
            ->async()
            ->ListModels(&call->context, &call->request, &call->response, done);
      },
      &AskCall::Gathered);
}

void AskCall::BatchSearched() {
  const int top_k = request_.search().top_k() > 0 ? request_.search().top_k() : kDefaultTopK;
  auto fused = FuseSearches(batch_.response, std::min(kMaxFusedPassages, top_k * QuestionCount(request_)));
  if (!fused.ok()) return End(fused.status());
  search_.response = *std::move(fused);
  Searched();
}

void AskCall::Searched() {
  collection_.request.set_tenant(request_.tenant());
  collection_.request.set_name(request_.collection());
  Launch(
      Role::kRetriever, &collection_,
      [](auto* call, auto done) {
        v1::CollectionService::NewStub(call->channel.channel)
            ->async()
            ->GetCollection(&call->context, &call->request, &call->response, done);
      },
      &AskCall::Gathered);
}

// All parts as one text, so that one call counts them; where each ends is remembered.
void AskCall::StartTokenize(v1::TokenizeRequest* request) {
  std::string text = SystemPrompt(request_);
  part_ends_.push_back(static_cast<int64_t>(text.size()));
  std::vector<int> questions;
  for (int i = 0; i < QuestionCount(request_); ++i) {
    if (AsksTogether(request_) || questions.empty()) {
      questions.push_back(i);
    } else if (QuestionOf(request_, i).size() > QuestionOf(request_, questions[0]).size()) {
      questions[0] = i;
    }
  }
  absl::StrAppend(&text, kContextBegin, kContextEnd, QuestionText(request_, questions));
  part_ends_.push_back(static_cast<int64_t>(text.size()));
  const size_t limit = text.size() + (request_.capsules().empty() ? kMaxCountedTurnBytes : kMaxListedTurnBytes);
  for (const v1::ChatMessage& turn : request_.turns()) absl::StrAppend(&text, "Assistant\n", turn.content(), "\n");
  if (text.size() > limit) text.resize(FloorToCharBoundary(text, limit));
  part_ends_.push_back(static_cast<int64_t>(text.size()));
  text += capsules_.block();
  part_ends_.push_back(static_cast<int64_t>(text.size()));
  request->set_model(request_.generator_model());
  // What capsules take of the budget must be known, not estimated.
  request->set_include_tokens(text.size() <= kMaxListedBytes || !capsules_.empty());
  request->set_text(std::move(text));
}

void AskCall::Gathered() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (--gathering_ > 0 || ended_) return;
  }
  AddTiming("retrieve", absl::Now() - retrieve_began_);
  usage_.set_embedding_cache_hit(search_.response.report().query_cache_hit());
  found_count_ = search_.response.passages_size();
  capsules_.AppendTo(search_.response.mutable_passages());
  if (absl::Status planned = PlanPrompt(); !planned.ok()) return End(planned);
  if (NamesItsMethods(request_.compression())) SendPlanAndRetrieved();
  StartCompress();
}

absl::Status AskCall::PlanPrompt() {
  const std::string& name = tokenize_.response.model();
  for (const v1::Model& model : models_.response.models()) {
    if (model.name() == name) model_ = model;
  }
  if (model_.name().empty()) {
    return absl::NotFoundError(absl::StrCat("there is no generator '", name, "': ListModels shows what there is"));
  }
  std::vector<int64_t> counts(part_ends_.size(), 0);
  if (tokenize_.request.include_tokens()) {
    size_t part = 0;
    for (const v1::Token& token : tokenize_.response.tokens()) {
      while (part + 1 < part_ends_.size() && token.range().begin() >= part_ends_[part]) ++part;
      ++counts[part];
    }
  } else {
    // Too long to be listed: the parts share the count by their bytes.
    for (size_t i = 0; i < part_ends_.size(); ++i) {
      const int64_t bytes = part_ends_[i] - (i == 0 ? 0 : part_ends_[i - 1]);
      counts[i] = tokenize_.response.token_count() * bytes / std::max<int64_t>(1, part_ends_.back()) + 1;
    }
  }
  // A token may reach over each of its ends.
  if (!capsules_.empty()) capsule_tokens_ = counts[3] + 2;
  PromptTokens tokens;
  tokens.system = counts[0];
  tokens.question = counts[1];
  tokens.turns = request_.turns().empty() ? 0 : std::max<int64_t>(1, counts[2]);
  tokens.answers = AsksTogether(request_) ? QuestionCount(request_) : 1;
  PRECIS_ASSIGN_OR_RETURN(window_, PlanWindow(request_, tokens, model_.max_tokens(), model_.name()));
  if (!capsules_.empty()) {
    if (window_.context() - capsule_tokens_ < kLeastForPassages) {
      return absl::FailedPreconditionError(
          absl::StrCat("the capsules have ", capsule_tokens_, " tokens, the context budget is ", window_.context(),
                       " and passages need ", kLeastForPassages, " of it: raise the budget or name fewer capsules"));
    }
    window_.notes.push_back(
        absl::StrCat("The capsules take ", capsule_tokens_, " of ", window_.budget, " tokens of the context budget."));
  }
  if (!model_.detail().empty()) window_.notes.push_back(absl::StrCat(model_.detail(), "."));
  const v1::RerankReport& rerank = search_.response.report().rerank();
  if (!rerank.fallback_reason().empty()) {
    window_.notes.push_back(absl::StrCat("Not reranked by ", rerank.name(), ": ", rerank.fallback_reason(), "."));
  }
  return absl::OkStatus();
}

void AskCall::FillCompress(SubCall<v1::CompressRequest, v1::CompressResponse>* call, int64_t budget) {
  v1::CompressRequest& request = call->request;
  request.set_tenant(request_.tenant());
  request.set_query(AllQuestions(request_));
  request.mutable_options()->set_budget_tokens(budget);
  request.mutable_options()->set_target_model(model_.name());
  for (const std::string& reserved : ReservedStrings()) {
    request.mutable_options()->mutable_format()->add_reserved(reserved);
  }
  request.set_cache_policy(request_.cache_policy());
}

void AskCall::StartCompress() {
  compress_began_ = absl::Now();
  v1::CompressRequest& request = compress_.request;
  *request.mutable_options() = request_.compression();
  FillCompress(&compress_, window_.context() - capsule_tokens_);
  for (int i = 0; i < found_count_; ++i) {
    v1::Passage* copy = request.add_passages();
    *copy = search_.response.passages(i);
    copy->clear_metadata();  // no method reads it
  }
  request.set_read_epoch(search_.response.report().read_epoch());
  request.set_prompt_before(absl::StrCat(kContextBegin, capsules_.block()));
  request.set_prompt_after(absl::StrCat(kContextEnd, kQuestionLabel));
  Launch(
      Role::kCompressor, &compress_,
      [](auto* call, auto done) {
        v1::CompressionService::NewStub(call->channel.channel)
            ->async()
            ->Compress(&call->context, &call->request, &call->response, done);
      },
      &AskCall::Compressed);
}

void AskCall::Compressed() {
  if (Ended()) return;
  const v1::Receipt& receipt = compress_.response.receipt();
  if (receipt.tokenizer_fingerprint() != tokenize_.response.tokenizer_fingerprint()) {
    return End(absl::FailedPreconditionError(absl::StrCat(
        "the compressor counts '", model_.name(), "' with tokenizer ", receipt.tokenizer_fingerprint().substr(0, 16),
        ", the generator with ", tokenize_.response.tokenizer_fingerprint().substr(0, 16),
        ": the budget would not hold; put the same model into both models folders")));
  }
  capsules_.PutBefore(found_count_, compress_.response.mutable_context());
  usage_.set_tokens_saved(std::max<int64_t>(0, receipt.tokens_in() - receipt.tokens_out()));
  usage_.set_context_cache_outcome(receipt.cache_outcome());
  // What the passages left is the turns'.
  if (window_.turns > 0 && window_.budget - capsule_tokens_ - receipt.tokens_out() >= kLeastTalk) return StartTalk();
  TalkCompressed(grpc::Status::OK);
}

void AskCall::StartTalk() {
  v1::CompressRequest& request = talk_.request;
  FillCompress(&talk_, window_.budget - capsule_tokens_ - compress_.response.receipt().tokens_out());
  request.mutable_options()->add_steps()->set_method("talk");
  v1::ContextFormat* format = request.mutable_options()->mutable_format();
  format->set_citation_style(v1::CITATION_STYLE_NONE);  // what was said is no source
  format->set_include_source_line(true);
  format->set_passage_separator("\n");
  for (const v1::ChatMessage& turn : request_.turns()) {
    v1::Passage* passage = request.add_passages();
    passage->set_text(turn.content());
    passage->set_title(turn.role() == v1::CHAT_ROLE_USER ? "User" : "Assistant");
  }
  request.set_cache_policy(v1::CACHE_POLICY_BYPASS);  // a talk does not come twice
  request.set_prompt_before(kTalkBegin);
  request.set_prompt_after(kTalkEnd);
  talk_.channel = shared_.context.channels.Get(Role::kCompressor);
  SetDeadline(scope_.call().deadline(), &talk_.context);
  CopyTraceMetadata(*server_context_, scope_.call().request_id(), &talk_.context);
  v1::CompressionService::NewStub(talk_.channel.channel)
      ->async()
      ->Compress(&talk_.context, &talk_.request, &talk_.response,
                 [self = shared_from_this()](const grpc::Status& status) { self->TalkCompressed(status); });
}

void AskCall::TalkCompressed(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) {
    window_.notes.push_back(absl::StrCat("The earlier turns were left out: ", status.error_message(), "."));
    talk_.response.Clear();
  } else if (!status.ok()) {
    return End(FromRole(status, RoleName(Role::kCompressor), talk_.channel.address));
  }
  if (Ended()) return;
  AddTiming("compress", absl::Now() - compress_began_);
  if (!plan_sent_) SendPlanAndRetrieved();
  SendReceipt();
  nothing_found_ = search_.response.passages().empty() && request_.turns().empty();
  if (absl::Status made = MakeCitationFeed(); !made.ok()) return End(made);
  StartAnswers();
}

absl::Status AskCall::MakeCitationFeed() {
  CitationFeed::Context context;
  context.context = FromProto(compress_.response.context());
  for (const v1::Passage& passage : search_.response.passages()) {
    PRECIS_ASSIGN_OR_RETURN(compress::Passage converted, FromProto(passage));
    context.passages.push_back(std::move(converted));
  }
  context.tenant = request_.tenant();
  context.read_epoch = search_.response.report().read_epoch();
  const std::string encoder = collection_.response.collection().encoder_model();
  context.embedder = [&shared = shared_, encoder, call = scope_.call()] {
    auto found = shared.encoders.Get(encoder, call.WithDeadline(absl::Now() + kEncoderTimeout));
    return found.ok() ? *found : nullptr;
  };
  // The feed's jobs keep the call alive while they run; the call lets go of the feed when it ends.
  auto feed = std::make_shared<CitationFeed>(
      *shared_.host.executor, scope_.call(), std::move(context),
      [self = shared_from_this()](int question, const compress::Citation& citation) {
        self->OnCitation(question, citation);
      },
      [self = shared_from_this()](const absl::Status& status) { self->OnAnswerChecked(status); });
  std::lock_guard<std::mutex> lock(mutex_);
  if (!ended_) citations_ = std::move(feed);
  return absl::OkStatus();
}

void AskCall::SendPlanAndRetrieved() {
  plan_sent_ = true;
  const v1::Receipt* receipt = compress_.response.has_receipt() ? &compress_.response.receipt() : nullptr;
  Emit(PlanEvent(request_, model_, collection_.response.collection(), window_, receipt));
  Emit(RetrievedEvent(request_, search_.response));
}

void AskCall::SendReceipt() {
  v1::AskResponse event;
  v1::AskReceipt* receipt = event.mutable_receipt();
  *receipt->mutable_receipt() = compress_.response.receipt();
  if (talk_.response.has_receipt()) *receipt->mutable_talk_receipt() = talk_.response.receipt();
  if (request_.include_context()) {
    *receipt->mutable_context() = compress_.response.context();
    if (talk_.response.has_context()) *receipt->mutable_talk() = talk_.response.context();
  }
  Emit(std::move(event));
}

PromptData AskCall::Data() const { return {compress_.response.context().text(), talk_.response.context().text()}; }

void AskCall::AddTiming(const char* stage, absl::Duration duration) {
  for (v1::StageTiming& timing : *usage_.mutable_timings()) {
    if (timing.stage() != stage) continue;
    timing.set_duration_us(timing.duration_us() + absl::ToInt64Microseconds(duration));
    return;
  }
  ToProto(stage, duration, usage_.add_timings());
}

bool AskCall::Emit(v1::AskResponse event) {
  std::lock_guard<std::mutex> lock(mutex_);  // held, so that no event follows the end
  return !ended_ && outgoing_.Push(std::move(event));
}

bool AskCall::Ended() {
  std::lock_guard<std::mutex> lock(mutex_);
  return ended_;
}

void AskCall::End(const absl::Status& status) {
  const grpc::Status result = ToGrpc(status);
  std::shared_ptr<CitationFeed> citations;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(ended_, true)) return;
    citations.swap(citations_);
  }
  if (!status.ok()) {
    scope_.call().Cancel();
    CancelSubCalls();
  }
  scope_.Finished(result);
  outgoing_.End(result);
}

void AskCall::CancelSubCalls() {
  std::shared_ptr<GenerationReader> generation;
  std::shared_ptr<ScoreCall> score;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation = generation_;
    score = score_;
  }
  for (const auto& capsule : capsule_calls_) capsule->context.TryCancel();
  models_.context.TryCancel();
  tokenize_.context.TryCancel();
  collection_.context.TryCancel();
  search_.context.TryCancel();
  batch_.context.TryCancel();
  compress_.context.TryCancel();
  talk_.context.TryCancel();
  if (score != nullptr) score->context.TryCancel();
  if (generation != nullptr) {
    generation->context()->TryCancel();
    generation->Resume();  // a paused reader would never see its end
  }
}

void AskCall::OnWriteDone(bool ok) { outgoing_.OnWriteDone(ok); }

void AskCall::OnCancel() {
  outgoing_.OnCancel();
  scope_.call().Cancel();
  CancelSubCalls();
  End(absl::CancelledError("the client is gone"));
}

void AskCall::OnDone() {
  const std::shared_ptr<AskCall> last = std::move(self_);  // others may still hold it
}

}  // namespace precis::services
