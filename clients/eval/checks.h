// What the harness checks of a context itself instead of believing the receipt.
#pragma once

#include <string>
#include <vector>

#include "eval/backend.h"
#include "eval/question_set.h"

namespace precis::eval {

// True if the spans cover the text in order and without gaps, every verbatim span has its source's bytes, and every
// rewritten one cites a passage. Otherwise `why` is one sentence.
bool ProvenanceHolds(const Context& context, const std::vector<Passage>& passages, std::string* why);

// Part of the evidence's bytes that the context has verbatim from the same place; NaN without evidence.
double EvidenceKept(const Context& context, const std::vector<Passage>& passages, const QuestionSet& set,
                    const Question& question);

// How far what the context keeps of the candidates' judged sentences is from the question's figures. A sentence of
// which words are dropped counts by the part of its bytes that is kept. NaN where there is nothing to compare.
struct OpinionCheck {
  double sentiment_error, minority_error;
};
OpinionCheck CheckOpinions(const Context& context, const std::vector<Passage>& passages, const QuestionSet& set,
                           const Question& question);

// Place of the first candidate of a gold document, from 1; 0: none of them.
int GoldRank(const std::vector<Passage>& passages, const Question& question);

// What an answer's marks name. NaN without marks.
struct MarkCheck {
  double valid, gold;  // part that names a passage of the context; one of a gold document
};
MarkCheck CheckMarks(const std::string& answer, const Context& context, const std::vector<Passage>& passages,
                     const Question& question);

}  // namespace precis::eval
