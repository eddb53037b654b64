// PipelineService: questions through every role, with fake engines.
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

using AskStack = Stack;

TEST_F(AskStack, AnAnswerComesWithItsSourcesInOrder) {
  IndexThree();
  const Asked asked = Ask(channel_, Question("When was the red lighthouse built?"));
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_THAT(asked.answer, HasSubstr("lighthouse was built in 1893"));

  ASSERT_GE(asked.events.size(), 6u);
  EXPECT_TRUE(asked.events[0].has_plan());
  EXPECT_TRUE(asked.events[1].has_retrieved());
  EXPECT_TRUE(asked.events[2].has_receipt());
  EXPECT_TRUE(asked.events[3].has_delta());
  EXPECT_TRUE(asked.events.back().has_usage());

  const v1::AskPlan& plan = asked.events[0].plan();
  EXPECT_EQ(plan.generator_model(), "fake-generator");
  EXPECT_EQ(plan.encoder_model(), "fake-encoder");
  EXPECT_EQ(plan.search().top_k(), 10);
  EXPECT_GT(plan.steps_size(), 0);
  EXPECT_NE(plan.steps(0).method(), "auto");
  const v1::Receipt& receipt = asked.events[2].receipt().receipt();
  EXPECT_LE(receipt.tokens_out(), plan.budget_tokens());
  EXPECT_EQ(asked.events[1].retrieved().passages_size(), 3);
  EXPECT_TRUE(asked.events[1].retrieved().passages(0).text().empty()) << "texts only when asked for";

  const v1::Citation* citation = nullptr;
  for (const v1::AskResponse& event : asked.events) {
    if (event.has_citation()) citation = &event.citation();
  }
  ASSERT_NE(citation, nullptr) << asked.answer;
  EXPECT_EQ(citation->uri(), "/a.txt");
  EXPECT_EQ(citation->location().line_begin(), 1);
  EXPECT_LE(citation->answer_range().end(), static_cast<int64_t>(asked.answer.size()));
  EXPECT_EQ(asked.events.back().usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_GT(asked.events.back().usage().tokens().completion_tokens(), 0);
}

TEST_F(AskStack, SeveralQuestionsShareOneContext) {
  IndexThree();
  v1::AskRequest request = Question("When was the red lighthouse built?");
  request.add_further_questions("Where does the lighthouse stand?");
  request.add_further_questions("What is the unknown?");
  const Asked asked = Ask(channel_, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  int receipts = 0, last_question = 0;
  for (const v1::AskResponse& event : asked.events) {
    receipts += event.has_receipt();
    if (event.has_delta()) {
      EXPECT_GE(event.delta().question_index(), last_question);
      last_question = event.delta().question_index();
    }
  }
  EXPECT_EQ(receipts, 1);
  EXPECT_EQ(last_question, 2);
  const v1::AskUsage& usage = asked.events.back().usage();
  ASSERT_EQ(usage.outcomes_size(), 3);
  EXPECT_EQ(usage.outcomes(1), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_EQ(usage.outcomes(2), v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
}

TEST_F(AskStack, NothingFoundIsSaidWithoutAModel) {
  ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
  const Asked asked = Ask(channel_, Question("Anything?"));
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_THAT(asked.answer, HasSubstr("No passage"));
  EXPECT_EQ(asked.events.back().usage().outcomes(0), v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
  EXPECT_EQ(engines_->steps, 0);
}

TEST_F(AskStack, TheSecondAskFindsContextAndVectorsInTheCaches) {
  IndexThree();
  v1::AskRequest request = Question("When was the red lighthouse built?");
  ASSERT_TRUE(Ask(channel_, request).status.ok());
  const Asked again = Ask(channel_, request);
  ASSERT_TRUE(again.status.ok());
  EXPECT_EQ(again.events.back().usage().context_cache_outcome(), v1::CACHE_OUTCOME_HIT);
  EXPECT_TRUE(again.events.back().usage().embedding_cache_hit());
}

TEST_F(AskStack, ALeavingClientFreesTheGeneratorWithinAStep) {
  IndexThree();
  engines_->endless = true;
  const auto stub = v1::PipelineService::NewStub(channel_);
  grpc::ClientContext context;
  const auto stream = stub->Ask(&context, Question("When was the red lighthouse built?"));
  v1::AskResponse event;
  while (stream->Read(&event) && !event.has_delta()) {
  }
  ASSERT_TRUE(event.has_delta());
  EXPECT_EQ(engines_->generating, 1);
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return engines_->generating == 0; }));
  engines_->endless = false;
}

TEST_F(AskStack, ADeadlineOfAMillisecondIsADeadline) {
  IndexThree();
  const auto stub = v1::PipelineService::NewStub(channel_);
  engines_->endless = true;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  const auto stream = stub->Ask(&context, Question("When?"));
  v1::AskResponse event;
  while (stream->Read(&event)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return engines_->generating == 0; }));
  engines_->endless = false;
}

TEST_F(AskStack, AQuestionTakesOnePlaceInEachQueue) {
  // Each executor takes three calls: two work, one waits.
  Start({"--queue-limit=1", "--retriever-workers=2", "--compressor-workers=2"});
  IndexThree();
  std::vector<std::thread> clients;
  for (int c = 0; c < 3; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const Asked asked = Ask(channel_, Question("When was the lighthouse built?"));
        EXPECT_TRUE(asked.status.ok()) << asked.status.error_message();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  const v1::StatsResponse stats = Stats();
  for (const v1::RoleStats& role : stats.roles()) {
    for (const v1::QueueStats& queue : role.queues()) EXPECT_EQ(queue.rejected_count(), 0) << queue.name();
  }
}

}  // namespace
}  // namespace precis::services
