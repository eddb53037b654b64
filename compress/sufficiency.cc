#include "precis/compress/sufficiency.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "precis/text/analyzer.h"

namespace precis::compress {
namespace {

// Where a value was not measured: about the mean of the calibration sets.
constexpr double kMeanSimilarity = 0.55, kMeanCoverage = 0.75, kMeanQuestion = -2, kMeanQuestionGain = 1,
                 kMeanAnswer = -0.8, kMeanAnswerGain = 0.4;

// From tests/eval/sufficiency.py, which prints these lines; services/README.md has what they do on held-out questions.
const std::vector<SufficiencyCalibration>& Calibrations() {
  static const auto* table = new std::vector<SufficiencyCalibration>{
      {"smollm2-135m-instruct",
       {-5.331, 8.447, 0, 0, 0.620, 0, 0},
       0.226,
       0.577,
       {-3.569, 8.542, 0, 0, 0.664, 3.211, 0.407},
       0.292},
  };
  return *table;
}

double Probability(double sum) { return 1 / (1 + std::exp(-sum)); }

double Gain(const std::optional<double>& with, const std::optional<double>& without, double mean) {
  return with && without ? *with - *without : mean;
}

double Before(const Evidence& evidence, const SufficiencyCalibration::Logistic& weights) {
  return weights.bias + weights.similarity * evidence.similarity.value_or(kMeanSimilarity) +
         weights.coverage * evidence.coverage.value_or(kMeanCoverage) +
         weights.question * evidence.question_logprob.value_or(kMeanQuestion) +
         weights.question_gain * Gain(evidence.question_logprob, evidence.question_logprob_without, kMeanQuestionGain);
}

}  // namespace

double QuestionCoverage(std::string_view question, const std::vector<Passage>& passages, std::string_view context) {
  const auto terms = [](std::string_view text) {
    const std::vector<std::string> all = text::AnalyzeTerms(text);
    return std::set<std::string>(all.begin(), all.end());
  };
  const std::set<std::string> asked = terms(question), held = terms(context);
  std::vector<std::set<std::string>> found;
  for (const Passage& passage : passages) found.push_back(terms(passage.text));
  double all = 0, covered = 0;
  for (const std::string& term : asked) {
    double passages_with = 0.5;
    for (const std::set<std::string>& passage : found) passages_with += static_cast<double>(passage.count(term));
    const double weight = std::log(static_cast<double>(found.size() + 1) / passages_with);
    all += weight;
    if (held.count(term) > 0) covered += weight;
  }
  return all > 0 ? covered / all : 1;
}

const SufficiencyCalibration* CalibrationFor(std::string_view generator) {
  for (const SufficiencyCalibration& calibration : Calibrations()) {
    if (generator.substr(0, calibration.generator.size()) == calibration.generator) return &calibration;
  }
  return nullptr;
}

std::unique_ptr<const SufficiencyCalibration> CalibrationOf(const std::vector<double>& numbers) {
  if (numbers.size() != 15) return nullptr;
  const auto& n = numbers;
  SufficiencyCalibration calibration;
  calibration.before = {n[0], n[1], n[2], n[3], n[4], 0, 0};
  calibration.refuse_below = n[5];
  calibration.answer_from = n[6];
  calibration.after = {n[7], n[8], n[9], n[10], n[11], n[12], n[13]};
  calibration.answer_above = n[14];
  return std::make_unique<const SufficiencyCalibration>(calibration);
}

Judgement JudgeBefore(const Evidence& evidence, const SufficiencyCalibration& calibration) {
  const double probability = Probability(Before(evidence, calibration.before));
  const Verdict verdict = probability < calibration.refuse_below  ? Verdict::kRefuse
                          : probability < calibration.answer_from ? Verdict::kDoubt
                                                                  : Verdict::kAnswer;
  return {verdict, probability};
}

Judgement JudgeAnswer(const Evidence& evidence, const SufficiencyCalibration& calibration) {
  const SufficiencyCalibration::Logistic& weights = calibration.after;
  const double probability = Probability(
      Before(evidence, weights) + weights.answer * evidence.answer_logprob.value_or(kMeanAnswer) +
      weights.answer_gain * Gain(evidence.answer_logprob, evidence.answer_logprob_without, kMeanAnswerGain));
  return {probability < calibration.answer_above ? Verdict::kRefuse : Verdict::kAnswer, probability};
}

}  // namespace precis::compress
