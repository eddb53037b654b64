// INSUFFICIENT_CONTEXT by retrieval scores and likelihoods: what is streamed agrees with the outcome.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

class AskEvidence : public Stack {
 protected:
  void SetUp() override {
    // {before: bias, similarity, coverage, question, its gain}, thresholds, {after: ..., answer, its gain}, threshold.
    Start({"--refusal-calibration=-4,2,2,0,1,0.2,0.8,-6,2,2,0,1,0.5,1,0.5"});
    IndexThree();
  }
  // The context holds the answer as far as anybody can tell.
  void Sure() {
    engines_->question_logprob = -0.5f;
    engines_->question_logprob_without = -5;
    engines_->answer_logprob = -0.01f;
    engines_->answer_logprob_without = -6;
  }
  void Hopeless() {
    engines_->question_logprob = -5;
    engines_->question_logprob_without = -5;
    engines_->answer_logprob = -5;
    engines_->answer_logprob_without = -5;
  }
  static int Deltas(const Asked& asked) {
    int deltas = 0;
    for (const v1::AskResponse& event : asked.events) deltas += event.has_delta();
    return deltas;
  }
  static bool Notes(const Asked& asked, const std::string& what) {
    for (const std::string& note : asked.usage().notes()) {
      if (note.find(what) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(AskEvidence, WhatIsSureIsStreamedAtOnce) {
  Sure();
  const Asked asked = Ask(channel_, Question("When was the red lighthouse built?"));
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_EQ(asked.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_GT(Deltas(asked), 1) << "token by token";
  EXPECT_EQ(engines_->scored_answers, 2) << "the question, with the context and without";
  ASSERT_EQ(asked.usage().evidence_size(), 1);
  const v1::AnswerEvidence& evidence = asked.usage().evidence(0);
  EXPECT_GT(evidence.similarity(), 0.3);
  EXPECT_GT(evidence.coverage(), 0.5);
  EXPECT_DOUBLE_EQ(evidence.question_logprob(), -0.5);
  EXPECT_DOUBLE_EQ(evidence.question_logprob_without(), -5);
  EXPECT_FALSE(evidence.has_answer_logprob());
  EXPECT_GT(evidence.sufficiency(), 0.5);
}

TEST_F(AskEvidence, WhatIsHopelessIsRefusedWithoutGenerating) {
  Hopeless();
  const Asked asked = Ask(channel_, Question("Zebras?"));
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_EQ(asked.usage().outcomes(0), v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
  EXPECT_EQ(asked.answer, "The passages do not answer this question.");
  EXPECT_EQ(engines_->steps, 0);
  EXPECT_TRUE(Notes(asked, "Question 1 was not answered"));
  for (const v1::AskResponse& event : asked.events) EXPECT_FALSE(event.has_citation() || event.has_unsupported());
}

TEST_F(AskEvidence, AnAnswerThatTheContextDoesNotExplainIsHeldBackAndReplaced) {
  Sure();
  engines_->answer_logprob = -5;
  engines_->answer_logprob_without = -5;
  v1::AskRequest request = Question("When was the red lighthouse built?");
  request.set_measure_evidence(true);
  const Asked asked = Ask(channel_, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_EQ(asked.usage().outcomes(0), v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
  EXPECT_EQ(asked.answer, "The passages do not answer this question.");
  EXPECT_GT(engines_->steps, 0);
  EXPECT_EQ(Deltas(asked), 1) << "nothing else was ever streamed";
  EXPECT_FLOAT_EQ(static_cast<float>(asked.usage().evidence(0).answer_logprob()), -5);
}

TEST_F(AskEvidence, AnAnswerThatTheContextExplainsIsShownWholeWithItsSources) {
  Sure();
  v1::AskRequest request = Question("When was the red lighthouse built?");
  request.set_measure_evidence(true);
  const Asked asked = Ask(channel_, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_EQ(asked.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_THAT(asked.answer, HasSubstr("1893"));
  EXPECT_EQ(Deltas(asked), 1);
  EXPECT_EQ(engines_->scored_answers, 4);
  bool cited = false;
  for (const v1::AskResponse& event : asked.events) cited |= event.has_citation();
  EXPECT_TRUE(cited);
}

TEST_F(AskEvidence, WithoutACalibrationNothingIsMeasuredUnlessAskedFor) {
  Hopeless();
  Start({});
  const Asked asked = Ask(channel_, Question("Zebras?"));
  EXPECT_EQ(asked.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_EQ(engines_->scored_answers, 0);
  v1::AskRequest request = Question("Zebras?");
  request.set_measure_evidence(true);
  const Asked measured = Ask(channel_, request);
  EXPECT_EQ(measured.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_EQ(engines_->scored_answers, 4);
  EXPECT_FALSE(measured.usage().evidence(0).has_sufficiency());
}

TEST_F(AskEvidence, WhatTheTalkMayHoldIsNotRefusedByTheSearch) {
  Hopeless();
  v1::AskRequest request = Question("How is my zebra called?");
  for (const char* said : {"My zebra is called Marty.", "A good name."}) {
    v1::ChatMessage* turn = request.add_turns();
    turn->set_role(request.turns_size() % 2 == 1 ? v1::CHAT_ROLE_USER : v1::CHAT_ROLE_ASSISTANT);
    turn->set_content(said);
  }
  EXPECT_EQ(Ask(channel_, request).usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  request.set_measure_evidence(true);
  const Asked measured = Ask(channel_, request);
  EXPECT_EQ(measured.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_LT(measured.usage().evidence(0).sufficiency(), 0.5);
}

TEST_F(AskEvidence, AnswerAlwaysMeasuresAndRefusesNothing) {
  Hopeless();
  v1::AskRequest request = Question("Zebras?");
  request.set_answer_always(true);
  const Asked asked = Ask(channel_, request);
  EXPECT_EQ(asked.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_EQ(engines_->scored_answers, 0);
  EXPECT_EQ(asked.usage().evidence_size(), 0);
  request.set_measure_evidence(true);
  const Asked measured = Ask(channel_, request);
  EXPECT_EQ(measured.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_EQ(measured.answer, asked.answer);
  EXPECT_TRUE(measured.usage().evidence(0).has_answer_logprob_without());
}

TEST_F(AskEvidence, EachOfSeveralQuestionsHasItsOwnEvidence) {
  Sure();
  v1::AskRequest request = Question("When was the red lighthouse built?");
  request.add_further_questions("Zebras?");
  const Asked asked = Ask(channel_, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  ASSERT_EQ(asked.usage().evidence_size(), 2);
  EXPECT_GT(asked.usage().evidence(0).similarity(), asked.usage().evidence(1).similarity());
  EXPECT_GT(asked.usage().evidence(0).coverage(), asked.usage().evidence(1).coverage());
}

}  // namespace
}  // namespace precis::services
