// The executor's bounds, statuses over the wire, the memory of mutations, the window of a prompt.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/ask_prompt.h"
#include "gateway/citation_location.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "precis/base/reason.h"
#include "precis/base/utf8.h"
#include "precis/v1/document.pb.h"
#include "roles/mutation_memory.h"
#include "rpc/google_rpc.pb.h"
#include "runtime/executor.h"
#include "runtime/log.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Opens once; whoever waits goes on.
class Gate {
 public:
  void Open() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

TEST(Executor, AFullQueueRefusesWithRetryDelay) {
  Executor executor("test", 1, 2);
  Gate started, go;
  ASSERT_TRUE(executor
                  .Submit([&] {
                    started.Open();
                    go.Wait();
                  })
                  .ok());
  started.Wait();
  std::atomic<int> ran = 0;
  ASSERT_TRUE(executor.Submit([&] { ++ran; }).ok());
  ASSERT_TRUE(executor.Submit([&] { ++ran; }).ok());
  const absl::Status refused = executor.Submit([&] { ++ran; });
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(executor.stats().rejected, 1);
  EXPECT_EQ(executor.stats().waiting, 2);

  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(ToGrpc(refused).error_details()));
  google::rpc::RetryInfo retry;
  ASSERT_EQ(details.details_size(), 1);
  ASSERT_TRUE(details.details(0).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(RetryDelayOf(FromGrpc(ToGrpc(refused))), absl::Milliseconds(500));
  EXPECT_EQ(RetryDelayOf(absl::ResourceExhaustedError("disk full")), absl::ZeroDuration());

  go.Open();
  executor.Drain();
  EXPECT_EQ(ran, 2) << "what was accepted runs";
  EXPECT_TRUE(absl::IsUnavailable(executor.Submit([] {})));
}

TEST(Executor, WhatAnIdleThreadIsAboutToTakeDoesNotWait) {
  for (int round = 0; round < 200; ++round) {
    Executor executor("test", 2, 1);
    EXPECT_TRUE(executor.Submit([] {}).ok());
    EXPECT_TRUE(executor.Submit([] {}).ok());
  }
}

TEST(Executor, AParkedJobRunsInItsTurnOrIsTakenBack) {
  Executor executor("test", 1, 1);
  Gate started, go;
  ASSERT_TRUE(executor
                  .Submit([&] {
                    started.Open();
                    go.Wait();
                  })
                  .ok());
  started.Wait();
  std::mutex mutex;
  std::vector<int> order;
  const auto job = [&](int number) {
    return [&, number] {
      std::lock_guard<std::mutex> lock(mutex);
      order.push_back(number);
    };
  };
  EXPECT_EQ(*executor.SubmitOrPark(job(1)), 0u) << "there is a place in the queue";
  const auto second = executor.SubmitOrPark(job(2));
  const auto third = executor.SubmitOrPark(job(3));
  const auto fourth = executor.SubmitOrPark(job(4));
  EXPECT_NE(*second, 0u);
  EXPECT_EQ(executor.stats().waiting, 1) << "the queue stays bounded";
  EXPECT_EQ(executor.stats().rejected, 0);
  EXPECT_TRUE(absl::IsResourceExhausted(executor.Submit(job(5)))) << "no job overtakes what is parked";
  EXPECT_TRUE(executor.Unpark(*third));
  EXPECT_FALSE(executor.Unpark(*third));
  go.Open();
  executor.Drain();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 4}));
  EXPECT_FALSE(executor.Unpark(*fourth));
  EXPECT_TRUE(absl::IsUnavailable(executor.SubmitOrPark([] {}).status()));
}

TEST(LogText, LeavesOutWhatIsEmpty) {
  SetUpLogging("info", "text");
  testing::internal::CaptureStderr();
  Log(LogLevel::kInfo, "event", {{"role", "gateway"}, {"message", ""}, {"count", int64_t{0}}});
  const std::string line = testing::internal::GetCapturedStderr();
  SetUpLogging("off", "text");
  EXPECT_THAT(line, HasSubstr(" info event role=gateway count=0\n"));
}

TEST(Status, ReasonFieldAndRetrySurviveTheWire) {
  const absl::Status with_reason = StatusWithReason(absl::StatusCode::kInvalidArgument, "TOO_LARGE", "too large");
  EXPECT_EQ(ReasonOf(FromGrpc(ToGrpc(with_reason))), "TOO_LARGE");
  EXPECT_EQ(FromGrpc(ToGrpc(with_reason)).message(), "too large");

  const grpc::Status field = ToGrpc(FieldError("options.top_k", "is 0"));
  EXPECT_EQ(field.error_message(), "options.top_k is 0");
  EXPECT_EQ(field.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status details;
  google::rpc::BadRequest bad;
  ASSERT_TRUE(details.ParseFromString(field.error_details()));
  ASSERT_TRUE(details.details(0).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "options.top_k");
  EXPECT_EQ(ToGrpc(FromGrpc(field)).error_details(), field.error_details());
}

TEST(Status, MessagesAreShortUtf8) {
  const grpc::Status status = ToGrpc(absl::InternalError("bad \xff byte " + std::string(100'000, 'x')));
  EXPECT_LE(status.error_message().size(), 4096u);
  EXPECT_TRUE(IsValidUtf8(status.error_message()));
}

TEST(Status, AnUnreachableRoleIsNamed) {
  const absl::Status status =
      FromRole(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"), "embedder", "10.0.0.1:7781");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("embedder"), HasSubstr("10.0.0.1:7781")));
}

class Memory : public ::testing::Test {
 protected:
  absl::Status Run(const std::string& id, const std::string& uri, const std::function<absl::Status()>& work) {
    v1::DeleteDocumentRequest request;
    request.set_uri(uri);
    absl::Status result = absl::InternalError("not called");
    reply_.Clear();
    memory_.Run("DeleteDocument", "tenant", id, request, &reply_, work,
                [&](const absl::Status& status) { result = status; });
    return result;
  }
  MutationMemory memory_;
  v1::DeleteDocumentResponse reply_;
};

TEST_F(Memory, ARetryGetsTheFirstAnswer) {
  int ran = 0;
  const auto work = [&] {
    reply_.set_sequence(static_cast<uint64_t>(++ran));
    return absl::OkStatus();
  };
  EXPECT_TRUE(Run("id", "a", work).ok());
  EXPECT_TRUE(Run("id", "a", work).ok());
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(reply_.sequence(), 1u);
  EXPECT_TRUE(absl::IsInvalidArgument(Run("id", "other", work)));
  EXPECT_TRUE(Run("", "a", work).ok());
  EXPECT_TRUE(Run("", "a", work).ok());
  EXPECT_EQ(ran, 3) << "without an id nothing is remembered";
}

TEST_F(Memory, AFailureIsTriedAgain) {
  EXPECT_TRUE(absl::IsUnavailable(Run("id", "a", [] { return absl::UnavailableError("down"); })));
  EXPECT_TRUE(Run("id", "a", [] { return absl::OkStatus(); }).ok());
}

TEST_F(Memory, TheOldestAnswersGo) {
  int ran = 0;
  const auto work = [&] {
    ++ran;
    return absl::OkStatus();
  };
  for (size_t i = 0; i <= MutationMemory::kMaxAnswers; ++i) ASSERT_TRUE(Run(std::to_string(i), "a", work).ok());
  ran = 0;
  ASSERT_TRUE(Run("1", "a", work).ok());
  EXPECT_EQ(ran, 0);
  ASSERT_TRUE(Run("0", "a", work).ok());
  EXPECT_EQ(ran, 1) << "the 10,001st pushed out the first";
}

TEST_F(Memory, ARetryWhileTheFirstRunsWaitsForIt) {
  Gate started, go;
  v1::DeleteDocumentRequest request;
  v1::DeleteDocumentResponse first, second;
  std::atomic<int> answered = 0, ran = 0;
  std::thread thread([&] {
    memory_.Run(
        "DeleteDocument", "tenant", "id", request, &first,
        [&] {
          ++ran;
          started.Open();
          go.Wait();
          first.set_sequence(7);
          return absl::OkStatus();
        },
        [&](const absl::Status&) { ++answered; });
  });
  started.Wait();
  memory_.Run(
      "DeleteDocument", "tenant", "id", request, &second,
      [&] {
        ++ran;
        return absl::OkStatus();
      },
      [&](const absl::Status&) { ++answered; });
  EXPECT_EQ(answered, 0);
  go.Open();
  thread.join();
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(second.sequence(), 7u);
}

v1::AskRequest Conversation(int turns) {
  v1::AskRequest request;
  request.set_question("and then?");
  for (int i = 0; i < turns; ++i) {
    v1::ChatMessage* turn = request.add_turns();
    turn->set_role(i % 2 == 0 ? v1::CHAT_ROLE_USER : v1::CHAT_ROLE_ASSISTANT);
    turn->set_content("turn " + std::to_string(i));
  }
  return request;
}

TEST(Window, ContextGetsItsDefaultWhereThereIsRoom) {
  const auto plan = PlanWindow(Conversation(0), {.system = 100, .question = 20}, 8192, "m");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->budget, 1024);
  EXPECT_EQ(plan->max_answer, 512);
  EXPECT_TRUE(plan->notes.empty());
}

TEST(Window, TurnsHaveAShareOfTheBudgetThatTheContextCannotTake) {
  const v1::AskRequest request = Conversation(4);
  const auto many = PlanWindow(request, {.system = 100, .question = 20, .turns = 1200}, 8192, "m");
  ASSERT_TRUE(many.ok()) << many.status();
  EXPECT_EQ(many->budget, 1024);
  EXPECT_EQ(many->turns, 256);
  EXPECT_EQ(many->context(), 768);
  EXPECT_THAT(many->notes, Contains(HasSubstr("The 4 earlier turns (1200 tokens) have at least 256 tokens")));
  const auto few = PlanWindow(request, {.system = 100, .question = 20, .turns = 128}, 8192, "m");
  ASSERT_TRUE(few.ok()) << few.status();
  EXPECT_EQ(few->turns, 128);
  v1::AskRequest small = request;
  small.mutable_compression()->set_budget_tokens(16);
  const auto none = PlanWindow(small, {.system = 100, .question = 20, .turns = 1200}, 8192, "m");
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->turns, 0);
  EXPECT_THAT(none->notes, Contains(HasSubstr("earlier turns were left out")));
}

TEST(Window, AnswersInOnePromptShareTheWindow) {
  const auto one = PlanWindow(Conversation(0), {.system = 100, .question = 20}, 4096, "m");
  const auto four = PlanWindow(Conversation(0), {.system = 100, .question = 20, .answers = 4}, 4096, "m");
  ASSERT_TRUE(one.ok() && four.ok());
  EXPECT_EQ(one->max_answer, 512);
  EXPECT_EQ(four->max_answer, 256);
}

TEST(Window, ALowerBudgetIsSaid) {
  const auto plan = PlanWindow(Conversation(0), {.system = 100, .question = 20}, 1024, "m");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_LT(plan->budget, 1024);
  EXPECT_GT(plan->budget, 0);
  EXPECT_THAT(plan->notes.back(), HasSubstr("instead of 1024"));
}

TEST(Window, WhatTheCallerGaveIsNeverChanged) {
  v1::AskRequest request = Conversation(0);
  request.mutable_compression()->set_budget_tokens(2000);
  const auto plan = PlanWindow(request, {.system = 100, .question = 20}, 2048, "m");
  ASSERT_FALSE(plan.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(plan.status()));
  EXPECT_THAT(std::string(plan.status().message()), AllOf(HasSubstr("2048"), HasSubstr("2000"), HasSubstr("512")));
}

TEST(Prompt, TheQuestionStandsLastAndPassagesAndTurnsBetweenDelimiters) {
  const v1::AskRequest request = Conversation(2);
  const v1::Chat chat = MakeChat(request, {0}, {.context = "[1] because", .talk = "User\nwhy?"});
  ASSERT_EQ(chat.messages_size(), 2);
  EXPECT_EQ(chat.messages(0).role(), v1::CHAT_ROLE_SYSTEM);
  EXPECT_EQ(chat.messages(1).content(), absl::StrCat(kContextBegin, "[1] because", kContextEnd, kTalkBegin,
                                                     "User\nwhy?", kTalkEnd, "Question: and then?"));
  EXPECT_EQ(MakeChat(request, {0}, {.context = "[1] because"}).messages(1).content(),
            absl::StrCat(kContextBegin, "[1] because", kContextEnd, "Question: and then?"));
}

TEST(Prompt, ARefusalIsRecognised) {
  EXPECT_TRUE(IsRefusal("The passages do not answer this question."));
  EXPECT_TRUE(IsRefusal("\n The passage does not answer the question, sorry"));
  EXPECT_FALSE(IsRefusal("The passages say that the captain did not answer the letter"));
  EXPECT_FALSE(IsRefusal("The passages say that it is so."));
  EXPECT_FALSE(IsRefusal(""));
}

TEST(Location, ASentenceHasItsOwnLines) {
  v1::Passage passage;
  passage.set_text("first\nsecond one\nthird\n");
  passage.mutable_location()->set_line_begin(10);
  passage.mutable_location()->set_line_end(12);
  passage.mutable_location()->mutable_original_range()->set_begin(100);
  passage.mutable_location()->mutable_original_range()->set_end(123);
  const v1::SourceLocation location = LocationInPassage(passage, {6, 16});
  EXPECT_EQ(location.line_begin(), 11);
  EXPECT_EQ(location.line_end(), 11);
  EXPECT_EQ(location.original_range().begin(), 106);
  EXPECT_EQ(location.original_range().end(), 116);
}

TEST(Location, WithoutAByteMapThePassagesOwnIsKept) {
  v1::Passage passage;
  passage.set_text("a page\nof a PDF");
  passage.mutable_location()->set_page_begin(3);
  passage.mutable_location()->set_page_end(3);
  EXPECT_EQ(LocationInPassage(passage, {7, 15}).page_begin(), 3);
}

}  // namespace
}  // namespace precis::services
