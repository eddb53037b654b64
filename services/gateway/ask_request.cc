#include "gateway/ask_request.h"

#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gateway/ask_capsules.h"
#include "precis/base/status_macros.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr size_t kMaxQuestionBytes = 64 << 10;
// Of all questions, since together they are the query of one compression.
constexpr size_t kMaxQuestionsBytes = 1 << 20;
constexpr size_t kMaxSystemBytes = 16 << 10;
constexpr int kMaxFurtherQuestions = 31;
constexpr int kMaxTurns = 2000;
constexpr int kMaxRounds = 9;

absl::Status CheckQuestion(std::string_view field, const std::string& question) {
  if (absl::StripAsciiWhitespace(question).empty()) return FieldError(field, "is empty: ask something");
  if (question.size() > kMaxQuestionBytes) {
    return FieldError(field, absl::StrCat("has ", question.size(), " bytes, the limit is ", kMaxQuestionBytes));
  }
  return absl::OkStatus();
}

absl::Status CheckTurns(const v1::AskRequest& request) {
  if (request.turns_size() > kMaxTurns) {
    return FieldError("turns", absl::StrCat("has ", request.turns_size(), " entries, the limit is ", kMaxTurns,
                                            ": leave out the oldest"));
  }
  for (int i = 0; i < request.turns_size(); ++i) {
    const v1::ChatRole expected = i % 2 == 0 ? v1::CHAT_ROLE_USER : v1::CHAT_ROLE_ASSISTANT;
    if (request.turns(i).role() != expected) {
      return FieldError("turns", absl::StrCat("has at ", i, " another role than ", i % 2 == 0 ? "USER" : "ASSISTANT",
                                              ": they come in turn, USER first"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAskRequest(const v1::AskRequest& request) {
  PRECIS_RETURN_IF_ERROR(CheckQuestion("question", request.question()));
  if (request.further_questions_size() > kMaxFurtherQuestions) {
    return FieldError("further_questions", absl::StrCat("has ", request.further_questions_size(),
                                                        " entries, the limit is ", kMaxFurtherQuestions));
  }
  size_t bytes = request.question().size();
  for (const std::string& question : request.further_questions()) {
    PRECIS_RETURN_IF_ERROR(CheckQuestion("further_questions", question));
    bytes += question.size() + 1;
  }
  if (bytes > kMaxQuestionsBytes) {
    return FieldError("further_questions",
                      absl::StrCat("make ", bytes, " bytes with the question, the limit is ", kMaxQuestionsBytes));
  }
  PRECIS_RETURN_IF_ERROR(CheckTurns(request));
  if (request.system_prompt().size() > kMaxSystemBytes) {
    return FieldError("system_prompt",
                      absl::StrCat("has ", request.system_prompt().size(), " bytes, the limit is ", kMaxSystemBytes));
  }
  if (request.max_answer_tokens() < 0) return FieldError("max_answer_tokens", "must not be negative");
  if (request.question_rounds() < 0 || request.question_rounds() > kMaxRounds) {
    return FieldError("question_rounds",
                      absl::StrCat("is ", request.question_rounds(), ", it must be from 0 to ", kMaxRounds));
  }
  if (request.question_rounds() > 1 && !AsksTogether(request)) {
    return FieldError("question_rounds", absl::StrCat("is ", request.question_rounds(),
                                                      ": rounds are of use only to several questions that are asked "
                                                      "TOGETHER"));
  }
  if (request.compression().budget_tokens() < 0) {
    return FieldError("compression.budget_tokens", "must not be negative");
  }
  return CheckCapsuleNames(request);
}

std::string AllQuestions(const v1::AskRequest& request) {
  std::string all = request.question();
  for (const std::string& question : request.further_questions()) absl::StrAppend(&all, "\n", question);
  return all;
}

bool AsksTogether(const v1::AskRequest& request) {
  return QuestionCount(request) > 1 && request.question_mode() == v1::QUESTION_MODE_TOGETHER;
}

}  // namespace precis::services
