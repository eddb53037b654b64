// What speaks for an answer: coverage by hand, and what every calibration must do.
#include "precis/compress/sufficiency.h"

#include <gtest/gtest.h>

#include <cmath>

namespace precis::compress {
namespace {

TEST(Sufficiency, CoverageCountsRareWordsOfTheQuestion) {
  const std::vector<Passage> passages = {{.text = "The lighthouse stands on a cliff."}, {.text = "The bread is old."}};
  EXPECT_DOUBLE_EQ(QuestionCoverage("lighthouse cliff", passages, "The lighthouse stands on a cliff."), 1);
  EXPECT_DOUBLE_EQ(QuestionCoverage("lighthouse cliff", passages, "Bread."), 0);
  // "zebra" is in no passage, "lighthouse" in one of two: log(3 / 0.5) against log(3 / 1.5).
  EXPECT_NEAR(QuestionCoverage("lighthouse zebra", passages, "lighthouse"),
              std::log(2.0) / (std::log(2.0) + std::log(6.0)), 1e-12);
  EXPECT_DOUBLE_EQ(QuestionCoverage("?!", passages, ""), 1);
  EXPECT_DOUBLE_EQ(QuestionCoverage("lighthouse", {}, ""), 0);
}

// What tells apart at a glance: {before}, thresholds, {after}, threshold.
const std::vector<double> kNumbers = {-8, 8, 2, 0, 1, 0.2, 0.8, -8, 8, 2, 0, 1, 0.5, 1, 0.5};

TEST(Sufficiency, JudgementsRiseWithWhatSpeaksForAnAnswer) {
  const auto calibration = CalibrationOf(kNumbers);
  ASSERT_NE(calibration, nullptr);
  EXPECT_EQ(CalibrationOf({1, 2}), nullptr);
  EXPECT_EQ(CalibrationFor("no-such-generator"), nullptr);
  const Evidence bad = {0.1, 0.1, -5.0, -5.0, -3.0, -3.0}, good = {0.9, 1.0, -0.5, -5.0, -0.05, -4.0};
  EXPECT_EQ(JudgeBefore(bad, *calibration).verdict, Verdict::kRefuse);
  EXPECT_EQ(JudgeBefore(good, *calibration).verdict, Verdict::kAnswer);
  EXPECT_EQ(JudgeAnswer(bad, *calibration).verdict, Verdict::kRefuse);
  EXPECT_EQ(JudgeAnswer(good, *calibration).verdict, Verdict::kAnswer);
  // By hand: -8 + 8 * 0.8 + 2 * 0.6 + 1 * 0.9 = 0.5, and with the answer 0.5 * -0.4 + 1 * 0.6 more.
  const Evidence doubtful = {0.8, 0.6, -1.1, -2.0, -0.4, -1.0};
  EXPECT_NEAR(JudgeBefore(doubtful, *calibration).probability, 1 / (1 + std::exp(-0.5)), 1e-9);
  EXPECT_EQ(JudgeBefore(doubtful, *calibration).verdict, Verdict::kDoubt);
  EXPECT_NEAR(JudgeAnswer(doubtful, *calibration).probability, 1 / (1 + std::exp(-0.9)), 1e-9);
  // Nothing measured: no refusal out of nothing.
  EXPECT_NE(JudgeBefore({}, *calibration).verdict, Verdict::kRefuse);
}

TEST(Sufficiency, WhatIsBuiltInRefusesAndAnswersWhereItMust) {
  const Evidence bad = {0.05, 0.0, -6.0, -6.0, -4.0, -3.0}, good = {0.95, 1.0, -0.3, -5.0, -0.05, -4.0};
  for (const char* name : {"smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"}) {
    const SufficiencyCalibration* calibration = CalibrationFor(name);
    if (calibration == nullptr) continue;
    EXPECT_EQ(JudgeBefore(bad, *calibration).verdict, Verdict::kRefuse) << name;
    EXPECT_EQ(JudgeBefore(good, *calibration).verdict, Verdict::kAnswer) << name;
    EXPECT_EQ(JudgeAnswer(bad, *calibration).verdict, Verdict::kRefuse) << name;
    EXPECT_EQ(JudgeAnswer(good, *calibration).verdict, Verdict::kAnswer) << name;
    EXPECT_LE(calibration->refuse_below, calibration->answer_from) << name;
  }
}

}  // namespace
}  // namespace precis::compress
