// Several questions in one Ask: one retrieval, one compression, one prompt or several, every label checked.
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

class AskSeveral : public Stack {
 protected:
  void SetUp() override {
    Stack::SetUp();
    IndexThree();
  }
  v1::AskRequest Three(v1::QuestionMode mode, int rounds = 0) {
    v1::AskRequest request = Question("When was the red lighthouse built?");
    request.add_further_questions("At how many degrees is bread baked?");
    request.add_further_questions("What is the unknown?");
    request.set_question_mode(mode);
    request.set_question_rounds(rounds);
    return request;
  }
  size_t Prompts() {
    std::lock_guard<std::mutex> lock(engines_->mutex);
    return engines_->prompts.size();
  }
  // What holds however they were asked.
  void ExpectThreeAnswers(const Asked& asked) {
    ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
    ASSERT_EQ(asked.usage().outcomes_size(), 3);
    EXPECT_EQ(asked.usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
    EXPECT_EQ(asked.usage().outcomes(1), v1::ANSWER_OUTCOME_ANSWERED);
    EXPECT_EQ(asked.usage().outcomes(2), v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
    ASSERT_EQ(asked.texts.size(), 3u);
    EXPECT_THAT(asked.texts.at(0), HasSubstr("[1]"));
    EXPECT_THAT(asked.texts.at(0), ::testing::Not(HasSubstr("Answer")));
    EXPECT_EQ(asked.texts.at(2), "The passages do not answer this question.");
    std::set<int> cited;
    for (const v1::AskResponse& event : asked.events) {
      if (!event.has_citation()) continue;
      const v1::Citation& citation = event.citation();
      cited.insert(citation.question_index());
      EXPECT_LE(citation.answer_range().end(), static_cast<int64_t>(asked.texts.at(citation.question_index()).size()));
    }
    EXPECT_EQ(cited, (std::set<int>{0, 1}));
  }
};

TEST_F(AskSeveral, EachQuestionIsSearchedForAndAllIsCompressedOnce) {
  v1::AskRequest request = Three(v1::QUESTION_MODE_APART);
  request.mutable_search()->set_top_k(1);
  const Asked asked = Ask(channel_, request);
  ExpectThreeAnswers(asked);
  EXPECT_EQ(Prompts(), 3u);
  std::set<std::string> uris;
  int receipts = 0;
  for (const v1::AskResponse& event : asked.events) {
    receipts += event.has_receipt();
    if (!event.has_retrieved()) continue;
    double last = 1;
    for (const v1::Passage& passage : event.retrieved().passages()) {
      uris.insert(passage.uri());
      EXPECT_LE(passage.scores().fused(), last);
      last = passage.scores().fused();
    }
  }
  EXPECT_EQ(receipts, 1);
  EXPECT_THAT(uris, ::testing::IsSupersetOf({"/a.txt", "/b.txt"})) << "one passage for each question";
}

TEST_F(AskSeveral, TogetherTheyStandInOnePromptAndAnswersGoToTheirQuestions) {
  const Asked asked = Ask(channel_, Three(v1::QUESTION_MODE_TOGETHER));
  ExpectThreeAnswers(asked);
  EXPECT_EQ(Prompts(), 1u);
  int last = 0;
  for (const v1::AskResponse& event : asked.events) {
    if (!event.has_delta()) continue;
    EXPECT_FALSE(event.delta().restarts());
    EXPECT_GE(event.delta().question_index(), last) << "streamed in order as they come";
    last = event.delta().question_index();
  }
}

TEST_F(AskSeveral, AMissingLabelIsAskedForAgainAlone) {
  engines_->labels = FakeLabels::kLastMissing;
  const Asked asked = Ask(channel_, Three(v1::QUESTION_MODE_TOGETHER));
  ExpectThreeAnswers(asked);
  EXPECT_EQ(Prompts(), 2u);
  EXPECT_THAT(asked.usage().notes(0), HasSubstr("1 of 3 labels"));
}

TEST_F(AskSeveral, ALabelThatComesTwiceVoidsWhatWasStreamed) {
  engines_->labels = FakeLabels::kFirstTwice;
  const Asked asked = Ask(channel_, Three(v1::QUESTION_MODE_TOGETHER));
  ExpectThreeAnswers(asked);
  EXPECT_EQ(Prompts(), 2u);
  int restarts = 0;
  for (const v1::AskResponse& event : asked.events) restarts += event.has_delta() && event.delta().restarts();
  EXPECT_EQ(restarts, 1);
}

TEST_F(AskSeveral, AModelWithoutLabelsIsAskedOneByOne) {
  engines_->labels = FakeLabels::kNone;
  const Asked asked = Ask(channel_, Three(v1::QUESTION_MODE_TOGETHER));
  ExpectThreeAnswers(asked);
  EXPECT_EQ(Prompts(), 4u);
  EXPECT_THAT(asked.usage().notes(0), HasSubstr("3 of 3 labels"));
}

TEST_F(AskSeveral, RoundsEndWhenTwoAgree) {
  const Asked asked = Ask(channel_, Three(v1::QUESTION_MODE_TOGETHER, 5));
  ExpectThreeAnswers(asked);
  EXPECT_EQ(Prompts(), 2u) << "the fake says the same in every round";
  {
    std::lock_guard<std::mutex> lock(engines_->mutex);
    EXPECT_NE(engines_->prompts[0], engines_->prompts[1]) << "in another order";
  }
  engines_->labels = FakeLabels::kNone;
  const Asked alone = Ask(channel_, Three(v1::QUESTION_MODE_TOGETHER, 2));
  ExpectThreeAnswers(alone);
  EXPECT_EQ(Prompts(), 2u + 2 + 3) << "no round had a label";
}

TEST_F(AskSeveral, LimitsAreNamed) {
  v1::AskRequest request = Three(v1::QUESTION_MODE_APART, 3);
  EXPECT_THAT(Ask(channel_, request).status.error_message(), HasSubstr("question_rounds"));
  request = Three(v1::QUESTION_MODE_TOGETHER, 10);
  EXPECT_THAT(Ask(channel_, request).status.error_message(), HasSubstr("from 0 to 9"));
  request = Three(v1::QUESTION_MODE_TOGETHER);
  while (request.further_questions_size() < 32) request.add_further_questions("And?");
  EXPECT_THAT(Ask(channel_, request).status.error_message(), HasSubstr("the limit is 31"));
  request.mutable_further_questions()->RemoveLast();
  EXPECT_TRUE(Ask(channel_, request).status.ok());
  for (std::string& question : *request.mutable_further_questions()) question.assign(60 << 10, 'a');
  EXPECT_THAT(Ask(channel_, request).status.error_message(), HasSubstr("1048576"));
}

}  // namespace
}  // namespace precis::services
