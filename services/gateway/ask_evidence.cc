// Whether the context holds the answer: what is measured before the generation, and after it where that leaves doubt.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/common.h"
#include "gateway/ask_call.h"
#include "gateway/ask_request.h"
#include "precis/base/utf8.h"

namespace precis::services {
namespace {

// Of an answer these bytes are scored: by then it has said what it claims. Of a question too.
constexpr size_t kScoredBytes = 300;

std::string Head(const std::string& text) { return text.substr(0, FloorToCharBoundary(text, kScoredBytes)); }

}  // namespace

void AskCall::StartEvidence() {
  const int question = prompt_.questions[0];
  Answer& answer = answers_[static_cast<size_t>(question)];
  evidence_began_ = absl::Now();
  answer.evidence.similarity = Similarity(question);
  std::vector<compress::Passage> passages;
  for (const v1::Passage& passage : search_.response.passages()) passages.push_back({.text = passage.text()});
  answer.evidence.coverage = compress::QuestionCoverage(
      QuestionOf(request_, question), passages,
      absl::StrCat(compress_.response.context().text(), "\n", talk_.response.context().text()));
  Score(MakeQuestionChat(request_, Data()), Head(QuestionOf(request_, question)), &AskCall::QuestionScored);
}

std::optional<double> AskCall::Similarity(int question) const {
  const auto& passages =
      batch_.response.results_size() > 0 ? batch_.response.results(question).passages() : search_.response.passages();
  std::optional<double> best;
  for (const v1::Passage& passage : passages) {
    if (!passage.scores().has_dense()) continue;
    best = std::max(best.value_or(passage.scores().dense()), passage.scores().dense());
  }
  return best;
}

void AskCall::QuestionScored(std::optional<double> logprob) {
  const int question = prompt_.questions[0];
  answers_[static_cast<size_t>(question)].evidence.question_logprob = logprob;
  if (!logprob) return QuestionScoredAlone(std::nullopt);
  Score(MakeQuestionChat(request_, std::nullopt), Head(QuestionOf(request_, question)), &AskCall::QuestionScoredAlone);
}

void AskCall::QuestionScoredAlone(std::optional<double> logprob) {
  const int question = prompt_.questions[0];
  Answer& answer = answers_[static_cast<size_t>(question)];
  answer.evidence.question_logprob_without = logprob;
  AddTiming("judge", absl::Now() - evidence_began_);
  prompt_.hold = request_.measure_evidence();
  if (calibration_ == nullptr) return StartGeneration();
  const compress::Judgement judgement = compress::JudgeBefore(answer.evidence, *calibration_);
  answer.sufficiency = judgement.probability;
  prompt_.hold = request_.measure_evidence() || judgement.verdict == compress::Verdict::kDoubt;
  if (judgement.verdict == compress::Verdict::kRefuse && !request_.measure_evidence()) return Refuse(question);
  StartGeneration();
}

void AskCall::StartAnswerEvidence() {
  const int question = prompt_.questions[0];
  Answer& answer = answers_[static_cast<size_t>(question)];
  evidence_began_ = absl::Now();
  // A refusal, or nothing at all, says what it is.
  if (answer.text.empty() || IsRefusal(answer.text)) return AnswerScoredAlone(std::nullopt);
  Score(MakeChat(request_, prompt_.questions, Data()), Head(answer.text), &AskCall::AnswerScored);
}

void AskCall::AnswerScored(std::optional<double> logprob) {
  const int question = prompt_.questions[0];
  Answer& answer = answers_[static_cast<size_t>(question)];
  answer.evidence.answer_logprob = logprob;
  if (!logprob) return AnswerScoredAlone(std::nullopt);
  v1::Chat chat;
  v1::ChatMessage* message = chat.add_messages();
  message->set_role(v1::CHAT_ROLE_USER);
  message->set_content(QuestionOf(request_, question));
  Score(std::move(chat), Head(answer.text), &AskCall::AnswerScoredAlone);
}

void AskCall::AnswerScoredAlone(std::optional<double> logprob) {
  if (Ended()) return;
  const int question = prompt_.questions[0];
  Answer& answer = answers_[static_cast<size_t>(question)];
  answer.evidence.answer_logprob_without = logprob;
  AddTiming("judge", absl::Now() - evidence_began_);
  cite_began_ = absl::Now();
  if (answer.evidence.answer_logprob && logprob && calibration_ != nullptr) {
    const compress::Judgement judgement = compress::JudgeAnswer(answer.evidence, *calibration_);
    answer.sufficiency = judgement.probability;
    if (judgement.verdict == compress::Verdict::kRefuse && MayRefuse()) return Refuse(question);
  }
  Show(question, answer.text, &AskCall::Shown);
}

void AskCall::Shown() {
  AddTiming("cite", absl::Now() - cite_began_);
  Settle(prompt_.questions[0], cut_);
  NextPrompt();
}

void AskCall::Refuse(int question) {
  Answer& answer = answers_[static_cast<size_t>(question)];
  usage_.add_notes(absl::StrCat(
      "Question ", question + 1,
      " was not answered: by retrieval scores and likelihoods the context holds the answer with a probability of ",
      std::lround(100 * answer.sufficiency.value_or(0)), " %."));
  answer.outcome = v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT;
  Show(question, kRefusal, &AskCall::NextPrompt);
}

void AskCall::Score(v1::Chat chat, std::string text, void (AskCall::*then)(std::optional<double>)) {
  auto score = std::make_shared<ScoreCall>();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) return;
    score_ = score;
  }
  score->request.set_tenant(request_.tenant());
  score->request.set_model(model_.name());
  score->request.mutable_chat()->Swap(&chat);
  score->request.set_text(std::move(text));
  score->channel = shared_.context.channels.Get(Role::kGenerator);
  SetDeadline(scope_.call().deadline(), &score->context);
  CopyTraceMetadata(*server_context_, scope_.call().request_id(), &score->context);
  v1::GenerationService::NewStub(score->channel.channel)
      ->async()
      ->ScoreTokens(&score->context, &score->request, &score->response,
                    [self = shared_from_this(), score, then](const grpc::Status& status) {
                      // Without the likelihood the rest decides; what is really wrong will end the generation.
                      std::optional<double> mean;
                      const auto& tokens = score->response.tokens();
                      if (status.ok() && !tokens.empty()) {
                        double sum = 0;
                        for (const v1::ScoredToken& token : tokens) sum += static_cast<double>(token.logprob());
                        mean = sum / static_cast<double>(tokens.size());
                      }
                      if (!self->Ended()) (self.get()->*then)(mean);
                    });
}

}  // namespace precis::services
