#include "gateway/ask_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/common.h"
#include "convert/compression.h"
#include "gateway/citation_location.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr size_t kMaxQuestionBytes = 64 << 10;
constexpr size_t kMaxSystemBytes = 16 << 10;
constexpr int kMaxFurtherQuestions = 31;
// Up to here Tokenize also lists the tokens, which tells how many each part has.
constexpr size_t kMaxListedBytes = 128 << 10;
// Events that may wait for the client before the generator is asked to wait.
constexpr size_t kQueue = 64;
constexpr absl::Duration kEncoderTimeout = absl::Seconds(5);
// Tokens that capsules leave at least.
constexpr int64_t kLeastForPassages = 16;

absl::Status CheckQuestion(std::string_view field, const std::string& question) {
  if (absl::StripAsciiWhitespace(question).empty()) return FieldError(field, "is empty: ask something");
  if (question.size() > kMaxQuestionBytes) {
    return FieldError(field, absl::StrCat("has ", question.size(), " bytes, the limit is ", kMaxQuestionBytes));
  }
  return absl::OkStatus();
}

bool NamesItsMethods(const v1::CompressionOptions& options) {
  return !options.steps().empty() && std::none_of(options.steps().begin(), options.steps().end(),
                                                  [](const auto& step) { return step.method() == "auto"; });
}

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

const std::string& AskCall::Question(int index) const {
  return index == 0 ? request_.question() : request_.further_questions(index - 1);
}

absl::Status AskCall::CheckRequest() const {
  PRECIS_RETURN_IF_ERROR(CheckQuestion("question", request_.question()));
  if (request_.further_questions_size() > kMaxFurtherQuestions) {
    return FieldError("further_questions", absl::StrCat("has ", request_.further_questions_size(),
                                                        " entries, the limit is ", kMaxFurtherQuestions));
  }
  for (const std::string& question : request_.further_questions()) {
    PRECIS_RETURN_IF_ERROR(CheckQuestion("further_questions", question));
  }
  for (int i = 0; i < request_.turns_size(); ++i) {
    const v1::ChatRole expected = i % 2 == 0 ? v1::CHAT_ROLE_USER : v1::CHAT_ROLE_ASSISTANT;
    if (request_.turns(i).role() != expected) {
      return FieldError("turns", absl::StrCat("has at ", i, " another role than ", i % 2 == 0 ? "USER" : "ASSISTANT",
                                              ": they come in turn, USER first"));
    }
  }
  if (request_.system_prompt().size() > kMaxSystemBytes) {
    return FieldError("system_prompt",
                      absl::StrCat("has ", request_.system_prompt().size(), " bytes, the limit is ", kMaxSystemBytes));
  }
  if (request_.max_answer_tokens() < 0) return FieldError("max_answer_tokens", "must not be negative");
  if (request_.compression().budget_tokens() < 0)
    return FieldError("compression.budget_tokens", "must not be negative");
  return CheckCapsuleNames(request_);
}

template <class Request, class Response, class Starter>
void AskCall::Launch(Role role, SubCall<Request, Response>* call, Starter start, void (AskCall::*then)()) {
  call->channel = shared_.context.channels.Get(role);
  SetDeadline(scope_.call().deadline(), &call->context);
  CopyTraceMetadata(*server_context_, scope_.call().request_id(), &call->context);
  start(call, [self = shared_from_this(), role, call, then](const grpc::Status& status) {
    if (!status.ok()) return self->End(FromRole(status, RoleName(role), call->channel.address));
    (self.get()->*then)();
  });
}

void AskCall::Begin() {
  if (absl::Status valid = CheckRequest(); !valid.ok()) return End(valid);
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
  search_.request.set_tenant(request_.tenant());
  search_.request.set_collection(request_.collection());
  search_.request.set_query(request_.question());
  *search_.request.mutable_options() = request_.search();
  search_.request.mutable_options()->set_include_text(true);
  search_.request.mutable_options()->set_cache_policy(request_.cache_policy());
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
  int longest = 0;
  for (int i = 1; i < question_count(); ++i) {
    if (Question(i).size() > Question(longest).size()) longest = i;
  }
  absl::StrAppend(&text, kContextBegin, kContextEnd, kQuestionLabel, Question(longest));
  part_ends_.push_back(static_cast<int64_t>(text.size()));
  for (const v1::ChatMessage& turn : request_.turns()) {
    text += turn.content();
    part_ends_.push_back(static_cast<int64_t>(text.size()));
  }
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
  PromptTokens tokens;
  const auto& parts = part_ends_;
  if (tokenize_.request.include_tokens()) {
    std::vector<int64_t> counts(parts.size(), 0);
    size_t part = 0;
    for (const v1::Token& token : tokenize_.response.tokens()) {
      while (part + 1 < parts.size() && token.range().begin() >= parts[part]) ++part;
      ++counts[part];
    }
    tokens.system = counts[0];
    tokens.question = counts[1];
    tokens.turns.assign(counts.begin() + 2, counts.end() - 1);
    // A token may reach over each of its ends.
    if (!capsules_.empty()) capsule_tokens_ = counts.back() + 2;
  } else {
    // Too long to be listed: the parts share the count by their bytes.
    const auto share = [&](int64_t bytes) {
      return tokenize_.response.token_count() * bytes / std::max<int64_t>(1, parts.back()) + 1;
    };
    tokens.system = share(parts[0]);
    tokens.question = share(parts[1] - parts[0]);
    for (size_t i = 2; i + 1 < parts.size(); ++i) tokens.turns.push_back(share(parts[i] - parts[i - 1]));
  }
  PRECIS_ASSIGN_OR_RETURN(window_, PlanWindow(request_, tokens, model_.max_tokens(), model_.name()));
  if (!capsules_.empty()) {
    if (window_.budget - capsule_tokens_ < kLeastForPassages) {
      return absl::FailedPreconditionError(
          absl::StrCat("the capsules have ", capsule_tokens_, " tokens, the context budget is ", window_.budget,
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

void AskCall::StartCompress() {
  compress_began_ = absl::Now();
  v1::CompressRequest& request = compress_.request;
  request.set_tenant(request_.tenant());
  request.set_query(request_.question());
  for (int i = 0; i < found_count_; ++i) {
    v1::Passage* copy = request.add_passages();
    *copy = search_.response.passages(i);
    copy->clear_metadata();  // no method reads it
  }
  v1::CompressionOptions* options = request.mutable_options();
  *options = request_.compression();
  options->set_budget_tokens(window_.budget - capsule_tokens_);
  options->set_target_model(model_.name());
  for (const std::string& reserved : ReservedStrings()) options->mutable_format()->add_reserved(reserved);
  request.set_cache_policy(request_.cache_policy());
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
  AddTiming("compress", absl::Now() - compress_began_);
  const v1::Receipt& receipt = compress_.response.receipt();
  if (receipt.tokenizer_fingerprint() != tokenize_.response.tokenizer_fingerprint()) {
    return End(absl::FailedPreconditionError(absl::StrCat(
        "the compressor counts '", model_.name(), "' with tokenizer ", receipt.tokenizer_fingerprint().substr(0, 16),
        ", the generator with ", tokenize_.response.tokenizer_fingerprint().substr(0, 16),
        ": the budget would not hold; put the same model into both models folders")));
  }
  capsules_.PutBefore(found_count_, compress_.response.mutable_context());
  if (!plan_sent_) SendPlanAndRetrieved();
  SendReceipt();
  usage_.set_tokens_saved(std::max<int64_t>(0, receipt.tokens_in() - receipt.tokens_out()));
  usage_.set_context_cache_outcome(receipt.cache_outcome());
  nothing_found_ = search_.response.passages().empty();

  CitationFeed::Context context;
  context.context = FromProto(compress_.response.context());
  for (const v1::Passage& passage : search_.response.passages()) {
    auto converted = FromProto(passage);
    if (!converted.ok()) return End(converted.status());
    context.passages.push_back(*std::move(converted));
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
      [self = shared_from_this()](const compress::Citation& citation) { self->OnCitation(citation); },
      [self = shared_from_this()](const absl::Status& status) { self->OnAnswerChecked(status); });
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) return;
    citations_ = std::move(feed);
  }
  StartQuestion();
}

void AskCall::SendPlanAndRetrieved() {
  plan_sent_ = true;
  v1::AskResponse event;
  v1::AskPlan* plan = event.mutable_plan();
  plan->set_generator_model(model_.name());
  plan->set_encoder_model(collection_.response.collection().encoder_model());
  v1::SearchOptions* search = plan->mutable_search();
  *search = request_.search();
  if (search->top_k() == 0) search->set_top_k(10);
  if (search->mode() == v1::SEARCH_MODE_UNSPECIFIED) search->set_mode(v1::SEARCH_MODE_HYBRID);
  if (search->dense_candidates() == 0) search->set_dense_candidates(std::max(50, 4 * search->top_k()));
  if (search->keyword_candidates() == 0) search->set_keyword_candidates(std::max(50, 4 * search->top_k()));
  if (NamesItsMethods(request_.compression())) {
    *plan->mutable_steps() = request_.compression().steps();
  } else {
    for (const v1::StepReceipt& step : compress_.response.receipt().steps())
      plan->add_steps()->set_method(step.method());
  }
  plan->set_budget_tokens(window_.budget);
  plan->set_window_tokens(model_.max_tokens());
  plan->set_max_answer_tokens(static_cast<int32_t>(window_.max_answer));
  if (const std::string& why = compress_.response.receipt().plan(); !why.empty()) plan->add_reasons(why);
  for (const std::string& note : window_.notes) plan->add_reasons(note);
  Emit(std::move(event));

  v1::AskResponse found;
  *found.mutable_retrieved()->mutable_passages() = search_.response.passages();
  *found.mutable_retrieved()->mutable_report() = search_.response.report();
  if (!request_.search().include_text()) {
    for (v1::Passage& passage : *found.mutable_retrieved()->mutable_passages()) passage.clear_text();
  }
  Emit(std::move(found));
}

void AskCall::SendReceipt() {
  v1::AskResponse event;
  *event.mutable_receipt()->mutable_receipt() = compress_.response.receipt();
  if (request_.include_context()) *event.mutable_receipt()->mutable_context() = compress_.response.context();
  Emit(std::move(event));
}

void AskCall::StartQuestion() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    answer_.clear();
  }
  if (nothing_found_ && !request_.answer_always()) {
    OnDelta(kNothingFound);
    std::string reason = "No passage was found, so no model was asked.";
    usage_.add_outcomes(v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
    if (question_ == 0) usage_.add_notes(std::move(reason));
    if (++question_ < question_count()) return StartQuestion();
    return SendUsage();
  }
  v1::GenerateRequest request;
  request.set_tenant(request_.tenant());
  request.set_model(model_.name());
  *request.mutable_chat() =
      MakeChat(request_, Question(question_), compress_.response.context().text(), window_.first_turn);
  *request.mutable_sampling() = request_.sampling();
  request.set_max_tokens(static_cast<int32_t>(window_.max_answer));
  const RoleChannel channel = shared_.context.channels.Get(Role::kGenerator);
  auto reader = std::make_shared<GenerationReader>(
      channel.channel, std::move(request),
      [self = shared_from_this()](const std::string& text) {
        self->OnDelta(text);
        return !self->outgoing_.full();
      },
      [self = shared_from_this()](const grpc::Status& status, const v1::GenerateDone& done) {
        self->OnGenerated(status, done);
      });
  SetDeadline(scope_.call().deadline(), reader->context());
  CopyTraceMetadata(*server_context_, scope_.call().request_id(), reader->context());
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) return;
    generation_ = reader;
    outgoing_.OnRoom([weak = std::weak_ptr<GenerationReader>(reader)] {
      if (const auto alive = weak.lock()) alive->Resume();
    });
  }
  reader->Start();
}

void AskCall::OnDelta(const std::string& text) {
  if (usage_.time_to_first_token_us() == 0) {
    usage_.set_time_to_first_token_us(absl::ToInt64Microseconds(absl::Now() - scope_.started()));
  }
  std::shared_ptr<CitationFeed> citations;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    answer_ += text;
    citations = citations_;
  }
  v1::AskResponse event;
  event.mutable_delta()->set_question_index(question_);
  event.mutable_delta()->set_text(text);
  // First the text, then what is said about it.
  if (Emit(std::move(event)) && citations != nullptr && !nothing_found_) citations->Add(text);
}

void AskCall::OnGenerated(const grpc::Status& status, const v1::GenerateDone& done) {
  if (!status.ok()) {
    return End(FromRole(status, RoleName(Role::kGenerator), shared_.context.channels.Get(Role::kGenerator).address));
  }
  finish_ = done.finish_reason();
  v1::TokenUsage* tokens = usage_.mutable_tokens();
  tokens->set_prompt_tokens(tokens->prompt_tokens() + done.usage().prompt_tokens());
  tokens->set_cached_prompt_tokens(tokens->cached_prompt_tokens() + done.usage().cached_prompt_tokens());
  tokens->set_completion_tokens(tokens->completion_tokens() + done.usage().completion_tokens());
  AddTiming("prefill", absl::Microseconds(done.timings().prefill_us()));
  AddTiming("decode", absl::Microseconds(done.timings().decode_us()));
  cite_began_ = absl::Now();
  if (nothing_found_) return OnAnswerChecked(absl::OkStatus());
  std::shared_ptr<CitationFeed> citations;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    citations = citations_;
  }
  if (citations != nullptr) citations->FinishAnswer();
}

void AskCall::OnCitation(const compress::Citation& citation) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (IsRefusal(answer_)) return;  // it states nothing about the passages
  }
  v1::AskResponse event;
  if (citation.support == compress::SupportKind::kUnsupported) {
    event.mutable_unsupported()->set_question_index(question_);
    ToProto(citation.answer, event.mutable_unsupported()->mutable_answer_range());
    Emit(std::move(event));
    return;
  }
  const v1::Passage& passage = search_.response.passages(citation.passage);
  v1::Citation* out = event.mutable_citation();
  out->set_question_index(question_);
  ToProto(citation.answer, out->mutable_answer_range());
  out->set_passage_index(citation.passage);
  out->set_document_id(passage.document_id());
  out->set_version_id(passage.version_id());
  out->set_uri(passage.uri());
  ToProto(citation.document_range, out->mutable_document_range());
  if (passage.has_location()) *out->mutable_location() = LocationInPassage(passage, citation.source);
  out->set_support_kind(citation.support == compress::SupportKind::kMarker ? v1::SUPPORT_KIND_MARKER
                                                                           : v1::SUPPORT_KIND_SUPPORT_TEST);
  out->set_support_score(citation.score);
  Emit(std::move(event));
}

void AskCall::OnAnswerChecked(const absl::Status& status) {
  if (!status.ok()) return End(status);
  if (Ended()) return;
  AddTiming("cite", absl::Now() - cite_began_);
  if (finish_ == v1::FINISH_REASON_LENGTH) {
    usage_.add_outcomes(v1::ANSWER_OUTCOME_LENGTH);
    usage_.add_notes(absl::StrCat("Answer ", question_ + 1, " was cut off at ", window_.max_answer, " tokens."));
  } else if (IsRefusal(answer_)) {
    usage_.add_outcomes(v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
    usage_.add_notes(absl::StrCat("The model says that the passages do not answer question ", question_ + 1, "."));
  } else {
    usage_.add_outcomes(v1::ANSWER_OUTCOME_ANSWERED);
  }
  if (++question_ < question_count()) return StartQuestion();
  SendUsage();
}

void AskCall::SendUsage() {
  for (int outcome : usage_.outcomes()) {
    shared_.context.metrics.Add("precis_answers_total",
                                {{"outcome", v1::AnswerOutcome_Name(static_cast<v1::AnswerOutcome>(outcome))}}, 1);
  }
  usage_.set_total_us(absl::ToInt64Microseconds(absl::Now() - scope_.started()));
  for (const std::string& note : window_.notes) usage_.add_notes(note);
  v1::AskResponse event;
  event.mutable_usage()->Swap(&usage_);
  Emit(std::move(event));
  End(absl::OkStatus());
}

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
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation = generation_;
  }
  for (const auto& capsule : capsule_calls_) capsule->context.TryCancel();
  models_.context.TryCancel();
  tokenize_.context.TryCancel();
  collection_.context.TryCancel();
  search_.context.TryCancel();
  compress_.context.TryCancel();
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
