// What an AskRequest may be.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "precis/v1/pipeline.pb.h"

namespace precis::services {

// InvalidArgument that names the field, the value and the limit; Unimplemented for what this version lacks.
absl::Status CheckAskRequest(const v1::AskRequest& request);

inline int QuestionCount(const v1::AskRequest& request) { return 1 + request.further_questions_size(); }
// 0: `question`, then the further ones.
inline const std::string& QuestionOf(const v1::AskRequest& request, int index) {
  return index == 0 ? request.question() : request.further_questions(index - 1);
}
// All of them, a line each where there are several.
std::string AllQuestions(const v1::AskRequest& request);

// True: all questions stand in one prompt.
bool AsksTogether(const v1::AskRequest& request);

}  // namespace precis::services
