// From the context to the answers: prompts, labels and rounds, streaming and citations.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/answer_vote.h"
#include "gateway/ask_call.h"
#include "gateway/ask_events.h"
#include "gateway/ask_request.h"
#include "runtime/status.h"

namespace precis::services {

void AskCall::StartAnswers() {
  answers_.resize(static_cast<size_t>(QuestionCount(request_)));
  calibration_ = shared_.calibration != nullptr ? shared_.calibration.get() : compress::CalibrationFor(model_.name());
  if (nothing_found_ && !request_.answer_always()) {
    usage_.add_notes("No passage was found, so no model was asked.");
    for (int q = 0; q < QuestionCount(request_); ++q) {
      answers_[static_cast<size_t>(q)].outcome = v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT;
      Stream(q, kNothingFound);
    }
    return SendUsage();
  }
  if (AsksTogether(request_)) {
    prompts_.push_back({RoundOrder(0, QuestionCount(request_)), request_.question_rounds() > 1});
  } else {
    for (int q = 0; q < QuestionCount(request_); ++q) prompts_.push_back({{q}, false});
  }
  NextPrompt();
}

void AskCall::NextPrompt() {
  if (Ended()) return;
  if (prompts_.empty()) return SendUsage();
  prompt_ = std::move(prompts_.front());
  prompts_.pop_front();
  if (JudgesEvidence()) return StartEvidence();
  StartGeneration();
}

void AskCall::StartGeneration() {
  const auto count = static_cast<int64_t>(prompt_.questions.size());
  labels_ = count > 1 ? std::make_unique<LabelReader>(static_cast<int>(count)) : nullptr;
  last_piece_ = -1;
  v1::GenerateRequest request;
  request.set_tenant(request_.tenant());
  request.set_model(model_.name());
  *request.mutable_chat() = MakeChat(request_, prompt_.questions, Data());
  *request.mutable_sampling() = request_.sampling();
  request.set_max_tokens(static_cast<int32_t>(AnswerTokens(window_.max_answer, count)));
  const RoleChannel channel = shared_.context.channels.Get(Role::kGenerator);
  auto reader = std::make_shared<GenerationReader>(
      channel.channel, std::move(request),
      [self = shared_from_this()](const std::string& text) {
        self->OnGeneratedText(text);
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
  HoldStep();
  reader->Start();
}

void AskCall::OnGeneratedText(const std::string& text) {
  if (labels_ != nullptr) return TakePieces(labels_->Add(text));
  Answer& answer = answers_[static_cast<size_t>(prompt_.questions[0])];
  if (!prompt_.hold) return Stream(prompt_.questions[0], text);
  answer.text += text;
}

void AskCall::TakePieces(const std::vector<LabelReader::Piece>& pieces) {
  for (const LabelReader::Piece& piece : pieces) {
    last_piece_ = piece.label;
    const int question = prompt_.questions[static_cast<size_t>(piece.label)];
    if (prompt_.hold) {
      answers_[static_cast<size_t>(question)].text += piece.text;
    } else {
      Stream(question, piece.text);
    }
  }
}

void AskCall::Stream(int question, const std::string& text) {
  if (streaming_ >= 0 && streaming_ != question) FinishStream();
  streaming_ = question;
  if (usage_.time_to_first_token_us() == 0) {
    usage_.set_time_to_first_token_us(absl::ToInt64Microseconds(absl::Now() - scope_.started()));
  }
  v1::AskResponse event;
  event.mutable_delta()->set_question_index(question);
  event.mutable_delta()->set_text(text);
  std::shared_ptr<CitationFeed> citations;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Answer& answer = answers_[static_cast<size_t>(question)];
    event.mutable_delta()->set_restarts(std::exchange(answer.restarts, false));
    answer.streamed = true;
    answer.text += text;
    citations = citations_;
  }
  // First the text, then what is said about it.
  if (Emit(std::move(event)) && citations != nullptr && !nothing_found_) citations->Add(question, text);
}

void AskCall::FinishStream() {
  const int question = std::exchange(streaming_, -1);
  if (question < 0 || nothing_found_) return;
  std::shared_ptr<CitationFeed> citations;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    citations = citations_;
  }
  if (citations == nullptr) return;
  HoldStep();
  citations->FinishAnswer(question);
}

void AskCall::OnGenerated(const grpc::Status& status, const v1::GenerateDone& done) {
  if (!status.ok()) {
    return End(FromRole(status, RoleName(Role::kGenerator), shared_.context.channels.Get(Role::kGenerator).address));
  }
  cut_ = done.finish_reason() == v1::FINISH_REASON_LENGTH;
  v1::TokenUsage* tokens = usage_.mutable_tokens();
  tokens->set_prompt_tokens(tokens->prompt_tokens() + done.usage().prompt_tokens());
  tokens->set_cached_prompt_tokens(tokens->cached_prompt_tokens() + done.usage().cached_prompt_tokens());
  tokens->set_completion_tokens(tokens->completion_tokens() + done.usage().completion_tokens());
  AddTiming("prefill", absl::Microseconds(done.timings().prefill_us()));
  AddTiming("decode", absl::Microseconds(done.timings().decode_us()));
  if (labels_ != nullptr) TakePieces(labels_->Finish());
  cite_began_ = absl::Now();
  FinishStream();
  LetGo(&AskCall::PromptEnded);
}

void AskCall::HoldStep() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++holds_;
}

void AskCall::LetGo(Step then) {
  Step next = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (then != nullptr) then_ = then;
    if (--holds_ > 0 || ended_) return;
    next = std::exchange(then_, nullptr);
  }
  if (next != nullptr) (this->*next)();
}

void AskCall::OnCitation(int question, const compress::Citation& citation) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (IsRefusal(answers_[static_cast<size_t>(question)].text)) return;  // it states nothing about the passages
  }
  Emit(CitationEvent(question, citation, search_.response));
}

void AskCall::OnAnswerChecked(const absl::Status& status) {
  if (!status.ok()) return End(status);
  LetGo(nullptr);
}

void AskCall::PromptEnded() {
  AddTiming("cite", absl::Now() - cite_began_);
  if (AsksTogether(request_) && prompt_.hold) return RoundEnded();
  if (labels_ != nullptr) return LabelsEnded();
  if (prompt_.hold) return StartAnswerEvidence();
  const int question = prompt_.questions[0];
  if (answers_[static_cast<size_t>(question)].restarts) {  // and nothing came in its place
    v1::AskResponse event;
    event.mutable_delta()->set_question_index(question);
    event.mutable_delta()->set_restarts(true);
    Emit(std::move(event));
  }
  Settle(question, cut_);
  NextPrompt();
}

void AskCall::LabelsEnded() {
  for (size_t i = 0; i < prompt_.questions.size(); ++i) {
    const int q = prompt_.questions[i];
    Answer& answer = answers_[static_cast<size_t>(q)];
    const int label = static_cast<int>(i);
    if (labels_->seen(label) == 1 && !answer.text.empty()) {
      Settle(q, cut_ && label == last_piece_);
      continue;
    }
    ++relabelled_;
    std::lock_guard<std::mutex> lock(mutex_);
    answer.restarts = answer.streamed;
    answer.text.clear();
    prompts_.push_back({{q}, false});
  }
  if (relabelled_ > 0) {
    usage_.add_notes(absl::StrCat(relabelled_, " of ", prompt_.questions.size(),
                                  " labels were missing or came twice; those questions were asked again, each alone."));
  }
  NextPrompt();
}

void AskCall::RoundEnded() {
  ++round_;
  std::vector<int> open, decided;
  for (size_t i = 0; i < prompt_.questions.size(); ++i) {
    const int q = prompt_.questions[i];
    Answer& answer = answers_[static_cast<size_t>(q)];
    // A question that is left alone needs no label.
    const auto label = static_cast<int>(i);
    const bool whole = labels_ == nullptr ? !cut_ : labels_->seen(label) == 1 && !(cut_ && label == last_piece_);
    if (whole && !answer.text.empty()) answer.votes.push_back(answer.text);
    answer.text.clear();
    const size_t votes = answer.votes.size();
    const bool agreed = whole && votes >= 2 && AnswersAgree(answer.votes[votes - 2], answer.votes[votes - 1]);
    if (!agreed && round_ < request_.question_rounds()) {
      open.push_back(q);
    } else if (votes > 0) {
      decided.push_back(q);
    } else {
      ++relabelled_;
      prompts_.push_back({{q}, false});
    }
  }
  if (!open.empty()) {
    Prompt next{{}, true};
    for (const int i : RoundOrder(round_, static_cast<int>(open.size()))) {
      next.questions.push_back(open[static_cast<size_t>(i)]);
    }
    prompts_.push_front(std::move(next));
  } else {
    usage_.add_notes(absl::StrCat(
        "The questions were asked in ", round_, round_ == 1 ? " round" : " rounds",
        relabelled_ > 0 ? absl::StrCat("; for ", relabelled_, " no round had a label, and they were asked alone") : "",
        "."));
  }
  HoldStep();
  for (const int q : decided) {
    const std::vector<std::string>& votes = answers_[static_cast<size_t>(q)].votes;
    Stream(q, votes[Elect(votes)]);
    Settle(q, false);
  }
  FinishStream();
  LetGo(&AskCall::NextPrompt);
}

void AskCall::Show(int question, std::string text, Step then) {
  HoldStep();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    answers_[static_cast<size_t>(question)].text.clear();  // what was held back comes through Stream() again
  }
  if (!text.empty()) Stream(question, text);
  FinishStream();
  LetGo(then);
}

void AskCall::Settle(int question, bool cut) {
  Answer& answer = answers_[static_cast<size_t>(question)];
  answer.outcome = IsRefusal(answer.text) ? v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT
                   : cut                  ? v1::ANSWER_OUTCOME_LENGTH
                                          : v1::ANSWER_OUTCOME_ANSWERED;
  if (answer.outcome == v1::ANSWER_OUTCOME_LENGTH) {
    usage_.add_notes(absl::StrCat("Answer ", question + 1, " was cut off at ", window_.max_answer, " tokens."));
  } else if (answer.outcome == v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT) {
    usage_.add_notes(absl::StrCat("The model says that the passages do not answer question ", question + 1, "."));
  }
}

void AskCall::SendUsage() {
  for (const Answer& answer : answers_) {
    usage_.add_outcomes(answer.outcome);
    shared_.host.metrics->Add("precis_answers_total", {{"outcome", v1::AnswerOutcome_Name(answer.outcome)}}, 1);
    if (!JudgesEvidence() || nothing_found_) continue;
    v1::AnswerEvidence* out = usage_.add_evidence();
    const compress::Evidence& evidence = answer.evidence;
    if (evidence.similarity) out->set_similarity(*evidence.similarity);
    if (evidence.coverage) out->set_coverage(*evidence.coverage);
    if (evidence.question_logprob) out->set_question_logprob(*evidence.question_logprob);
    if (evidence.question_logprob_without) out->set_question_logprob_without(*evidence.question_logprob_without);
    if (evidence.answer_logprob) out->set_answer_logprob(*evidence.answer_logprob);
    if (evidence.answer_logprob_without) out->set_answer_logprob_without(*evidence.answer_logprob_without);
    if (answer.sufficiency) out->set_sufficiency(*answer.sufficiency);
  }
  usage_.set_total_us(absl::ToInt64Microseconds(absl::Now() - scope_.started()));
  for (const std::string& note : window_.notes) usage_.add_notes(note);
  v1::AskResponse event;
  event.mutable_usage()->Swap(&usage_);
  Emit(std::move(event));
  End(absl::OkStatus());
}

}  // namespace precis::services
