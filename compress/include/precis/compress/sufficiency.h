// Whether a context holds the answer to a question, judged by what is cheap to measure: how near the best passage is,
// how much of the question's words the context has, and how much likelier the context makes the question, and the
// answer, to the generator. A logistic model for each generator puts them together; tests/eval/sufficiency.py fits
// it on questions half of whose documents were taken away.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "precis/compress/types.h"

namespace precis::compress {

// What was measured. Log-probabilities are means over tokens, in nats.
struct Evidence {
  std::optional<double> similarity;                // of the best passage, by the encoder: cosine
  std::optional<double> coverage;                  // see QuestionCoverage
  std::optional<double> question_logprob;          // of the question, given the context
  std::optional<double> question_logprob_without;  // of the question alone
  std::optional<double> answer_logprob;            // of the answer, given the context
  std::optional<double> answer_logprob_without;    // of the answer, given the question alone
};

// Part of the question's words that stand in the context, [0, 1], each weighted by log((n + 1) / (df + 1/2)) among the
// n passages found, df of which hold it: stop words hardly count, a word that no passage holds counts most. 1 for a
// question without words.
double QuestionCoverage(std::string_view question, const std::vector<Passage>& passages, std::string_view context);

enum class Verdict {
  kRefuse,  // the context does not hold the answer
  kDoubt,   // the answer itself must be looked at
  kAnswer,
};

struct Judgement {
  Verdict verdict = Verdict::kAnswer;
  double probability = 1;  // that the context holds the answer
};

// Fitted for one generator.
struct SufficiencyCalibration {
  struct Logistic {
    // Gains: with the context less without.
    double bias = 0, similarity = 0, coverage = 0, question = 0, question_gain = 0, answer = 0, answer_gain = 0;
  };
  std::string generator;                     // the beginning of its name; empty: for all others
  Logistic before;                           // without the answer's
  double refuse_below = 0, answer_from = 1;  // between the two: kDoubt
  Logistic after;
  double answer_above = 0.5;
};

// By the name of the generator; null where none was fitted for it.
const SufficiencyCalibration* CalibrationFor(std::string_view generator);
// From the numbers that tests/eval/sufficiency.py prints, in the order of the members; null unless there are 15.
std::unique_ptr<const SufficiencyCalibration> CalibrationOf(const std::vector<double>& numbers);

// Before anything is generated. What is absent counts as its mean on the calibration set.
Judgement JudgeBefore(const Evidence& evidence, const SufficiencyCalibration& calibration);
// With the answer's likelihoods: kAnswer or kRefuse.
Judgement JudgeAnswer(const Evidence& evidence, const SufficiencyCalibration& calibration);

}  // namespace precis::compress
