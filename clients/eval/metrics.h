// What an answer or a context is worth against gold answers. Pure functions of texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace precis::eval {

// SQuAD's normalisation: lower case, ASCII punctuation removed, the words a, an, the removed, white space folded.
std::string NormalizeAnswer(std::string_view text);

// 1 if the normalised texts are equal for any answer, else 0.
double ExactMatch(std::string_view text, const std::vector<std::string>& answers);
// The best F1 of normalised words over the answers, as SQuAD's script counts it.
double AnswerF1(std::string_view text, const std::vector<std::string>& answers);
// 1 if any answer's normalised words stand in the normalised text, one after the other, else 0.
double ContainsAnswer(std::string_view text, const std::vector<std::string>& answers);

// True if the text says that it does not know: empty, or it has one of the phrases that models refuse with.
bool IsRefusal(std::string_view answer);

// The numbers of the marks "[2]", "[1, 3]" in an answer, in order.
std::vector<int> CitationMarks(std::string_view answer);
// The answer without them.
std::string WithoutMarks(std::string_view answer);

}  // namespace precis::eval
