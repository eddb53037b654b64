// All roles in one process, with fake engines, behind the gateway: what the tests of each service begin with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "precis/v1/admin.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {

class Stack : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }
  // Starts the servers anew, on the same folder.
  void Start(const std::vector<std::string>& flags) {
    daemon_.reset();
    auto started = StartTestDaemon(TestConfig(folder_.path(), flags), engines_);
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = *std::move(started);
    channel_ = Dial(daemon_->address());
  }

  // A lighthouse, bread and a glacier, in the collection "docs".
  void IndexThree() {
    ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
    const Ingested ingested = Ingest(channel_, "docs",
                                     {{"/a.txt", "The red lighthouse was built in 1893. It stands on a cliff."},
                                      {"/b.txt", "Bread needs flour, water, salt and yeast. Bake it at 230 degrees."},
                                      {"/c.txt", "A glacier moves slowly. It carries stones down the valley."}});
    ASSERT_TRUE(ingested.status.ok()) << ingested.status.error_message();
    ASSERT_EQ(ingested.results.size(), 3u);
    for (const v1::IngestResult& result : ingested.results) {
      ASSERT_EQ(result.outcome(), v1::INGEST_OUTCOME_ADDED) << result.DebugString();
    }
  }

  v1::SearchResponse Search(const std::string& query, int top_k = 3, grpc::Status* status_out = nullptr) {
    grpc::ClientContext context;
    v1::SearchRequest request;
    request.set_collection("docs");
    request.set_query(query);
    request.mutable_options()->set_top_k(top_k);
    request.mutable_options()->set_include_text(true);
    v1::SearchResponse response;
    const grpc::Status status = v1::RetrievalService::NewStub(channel_)->Search(&context, request, &response);
    if (status_out != nullptr) {
      *status_out = status;
    } else {
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
    return response;
  }

  static v1::AskRequest Question(const std::string& text) {
    v1::AskRequest request;
    request.set_collection("docs");
    request.set_question(text);
    return request;
  }

  v1::StatsResponse Stats() {
    grpc::ClientContext context;
    v1::StatsResponse response;
    const grpc::Status status = v1::AdminService::NewStub(channel_)->Stats(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  TempFolder folder_;
  std::shared_ptr<FakeEngines> engines_ = std::make_shared<FakeEngines>();
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace precis::services
