// Which of several answers to one question to give: the vote of BatchPrompt (arXiv 2309.00384, sections 3.2 and 3.3)
// for answers that are sentences rather than labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace precis::services {

// The order in which round `round` asks its `count` questions: as given in round 0, else a fixed shuffle of the round.
std::vector<int> RoundOrder(int round, int count);

// Likeness of two answers, [0, 1]: F1 of their words without marks, case and punctuation; 0 where one names numbers
// that the other does not.
double AnswerLikeness(const std::string& a, const std::string& b);

// Two answers of consecutive rounds that say the same end the rounds of a question.
bool AnswersAgree(const std::string& a, const std::string& b);

// Index of the answer that is most like all others; of equals the first. `answers` must not be empty.
size_t Elect(const std::vector<std::string>& answers);

}  // namespace precis::services
