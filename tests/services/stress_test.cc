// Many clients at once, half of which leave in the middle: nothing is lost, nothing hangs, and the servers stop.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "precis/v1/admin.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {
namespace {

TEST(Stress, ClientsThatLeaveDisturbNobody) {
  TempFolder folder;
  const auto engines = std::make_shared<FakeEngines>();
  auto daemon = StartTestDaemon(TestConfig(folder.path()), engines);
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const auto channel = Dial((*daemon)->address());
  ASSERT_TRUE(CreateCollection(channel, "docs").ok());
  std::vector<TestDocument> documents;
  for (int i = 0; i < 20; ++i) {
    documents.push_back(
        {absl::StrCat("/", i, ".txt"), absl::StrCat("Lighthouse number ", i, " was built in ", 1800 + i, ".")});
  }
  ASSERT_TRUE(Ingest(channel, "docs", documents).status.ok());

  std::atomic<int> answered = 0, left = 0, wrong = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      const auto stub = v1::PipelineService::NewStub(channel);
      for (int round = 0; round < 12; ++round) {
        grpc::ClientContext context;
        v1::AskRequest request;
        request.set_collection("docs");
        request.set_question(absl::StrCat("When was lighthouse number ", (client * 12 + round) % 20, " built?"));
        const auto stream = stub->Ask(&context, request);
        // Every second call is left after as many events as its number says; 0: at once.
        const int leave_after = round % 2 == 0 ? -1 : (client + round) % 6;
        v1::AskResponse event, last;
        int events = 0;
        if (leave_after == 0) context.TryCancel();
        while (stream->Read(&event)) {
          last = event;
          if (++events == leave_after) context.TryCancel();
        }
        const grpc::Status status = stream->Finish();
        if (status.ok() && last.has_usage()) {
          ++answered;
        } else if (status.error_code() == grpc::StatusCode::CANCELLED && leave_after >= 0) {
          ++left;
        } else {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(answered, 48);
  EXPECT_GT(left, 0);
  EXPECT_TRUE(Eventually([&] { return engines->generating == 0; }));
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    v1::StatsResponse stats;
    if (!v1::AdminService::NewStub(channel)->Stats(&context, {}, &stats).ok()) return false;
    for (const v1::RoleStats& role : stats.roles()) {
      for (const v1::QueueStats& queue : role.queues()) {
        if (queue.waiting_count() + queue.running_count() > 0) return false;
      }
    }
    return true;
  })) << "every executor is idle again";
}

TEST(Stress, StoppingInTheMiddleOfAnswersEndsThem) {
  TempFolder folder;
  const auto engines = std::make_shared<FakeEngines>();
  auto daemon = StartTestDaemon(TestConfig(folder.path(), {"--shutdown-grace-ms=200"}), engines);
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const auto channel = Dial((*daemon)->address());
  ASSERT_TRUE(CreateCollection(channel, "docs").ok());
  ASSERT_TRUE(Ingest(channel, "docs", {{"/a.txt", "The lighthouse was built in 1893."}}).status.ok());
  engines->endless = true;
  std::atomic<int> ended = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      v1::AskRequest request;
      request.set_collection("docs");
      request.set_question("When was the lighthouse built?");
      ended += !Ask(channel, request).status.ok();
    });
  }
  EXPECT_TRUE(Eventually([&] { return engines->generating == 4; }));
  (*daemon)->Stop();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(ended, 4);
  EXPECT_EQ(engines->generating, 0);
}

}  // namespace
}  // namespace precis::services
