// Searches that are judged again by models of other roles, over real servers with fake engines.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using testing::HasSubstr;

class RerankTest : public testing::Test {
 protected:
  void Start(const std::vector<std::string>& flags = {}) {
    engines_->models.insert("fake-head");
    engines_->models.insert("other-encoder");
    auto daemon = StartTestDaemon(TestConfig(folder_.path(), flags), engines_);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = *std::move(daemon);
    channel_ = Dial(daemon_->address());
    ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
    std::vector<TestDocument> documents;
    for (int i = 0; i < 6; ++i) {
      documents.push_back({absl::StrCat("/", i, ".txt"), absl::StrCat("the old mill stands by river number ", i,
                                                                      std::string(static_cast<size_t>(6 - i), 'x'))});
    }
    ASSERT_TRUE(Ingest(channel_, "docs", documents).status.ok());
  }
  grpc::Status Search(const v1::RerankOptions* rerank, v1::SearchResponse* response) {
    v1::SearchRequest request;
    request.set_collection("docs");
    request.set_query("the old mill");
    request.mutable_options()->set_top_k(3);
    request.mutable_options()->set_include_text(true);
    if (rerank != nullptr) *request.mutable_options()->mutable_rerank() = *rerank;
    grpc::ClientContext context;
    return v1::RetrievalService::NewStub(channel_)->Search(&context, request, response);
  }
  static v1::RerankOptions By(v1::RerankMethod method, const std::string& model = "") {
    v1::RerankOptions options;
    options.set_method(method);
    options.set_model(model);
    return options;
  }

  TempFolder folder_;
  std::shared_ptr<FakeEngines> engines_ = std::make_shared<FakeEngines>();
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(RerankTest, EveryMethodReachesItsModel) {
  Start();
  v1::SearchResponse response;
  ASSERT_TRUE(Search(nullptr, &response).ok());
  EXPECT_FALSE(response.report().has_rerank());
  EXPECT_FALSE(response.passages(0).scores().has_rerank());
  for (const auto& options :
       {By(v1::RERANK_METHOD_QUESTION_LIKELIHOOD), By(v1::RERANK_METHOD_QUESTION_LIKELIHOOD, "fake-generator"),
        By(v1::RERANK_METHOD_ENCODER, "other-encoder"), By(v1::RERANK_METHOD_SPARSE_ENCODER, "fake-head"),
        By(v1::RERANK_METHOD_CROSS_ENCODER, "fake-head")}) {
    const grpc::Status status = Search(&options, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.report().rerank().fallback_reason(), "") << options.DebugString();
    EXPECT_EQ(response.report().rerank().candidate_count(), 6);
    ASSERT_EQ(response.passages_size(), 3);
    EXPECT_TRUE(response.passages(0).scores().has_rerank());
    EXPECT_GE(response.passages(0).scores().rerank(), response.passages(2).scores().rerank());
  }
  // The fake cross-encoder likes short passages.
  EXPECT_EQ(response.passages(0).uri(), "/5.txt");
  EXPECT_EQ(response.report().rerank().name(), "cross:fake-head");
}

TEST_F(RerankTest, AModelThatIsNotThereIsSaidAndTheSearchAnswers) {
  Start();
  v1::SearchResponse plain, response;
  ASSERT_TRUE(Search(nullptr, &plain).ok());
  for (const auto& options :
       {By(v1::RERANK_METHOD_QUESTION_LIKELIHOOD, "no-such"), By(v1::RERANK_METHOD_ENCODER, "no-such-encoder"),
        By(v1::RERANK_METHOD_SPARSE_ENCODER, "no-such"), By(v1::RERANK_METHOD_CROSS_ENCODER, "fake-generator")}) {
    const grpc::Status status = Search(&options, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_NE(response.report().rerank().fallback_reason(), "") << options.DebugString();
    ASSERT_EQ(response.passages_size(), 3);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(response.passages(i).uri(), plain.passages(i).uri());
  }
  engines_->heads_fail = true;
  const auto cross = By(v1::RERANK_METHOD_CROSS_ENCODER, "fake-head");
  ASSERT_TRUE(Search(&cross, &response).ok());
  EXPECT_THAT(response.report().rerank().fallback_reason(), HasSubstr("does not load"));
}

TEST_F(RerankTest, BadOptionsNameTheField) {
  Start();
  v1::SearchResponse response;
  const auto refused = [&](const v1::RerankOptions& options, const char* field) {
    const grpc::Status status = Search(&options, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << options.DebugString();
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  };
  refused({}, "options.rerank.method");
  refused(By(v1::RERANK_METHOD_ENCODER), "options.rerank.model");
  v1::RerankOptions options = By(v1::RERANK_METHOD_QUESTION_LIKELIHOOD);
  options.set_candidates(1001);
  refused(options, "options.rerank.candidates");
  options.set_candidates(0);
  options.set_weight(0);
  refused(options, "options.rerank.weight");
  options.set_weight(0.5);
  options.set_timeout_ms(-1);
  refused(options, "options.rerank.timeout_ms");
}

TEST_F(RerankTest, HeadsAreLoadedWithinTheirLimit) {
  Start({"--head-memory-limit-bytes=1"});
  v1::SearchResponse response;
  const auto cross = By(v1::RERANK_METHOD_CROSS_ENCODER, "fake-head");
  ASSERT_TRUE(Search(&cross, &response).ok());
  // The fakes weigh nothing.
  EXPECT_EQ(response.report().rerank().fallback_reason(), "");
  engines_->head_parameters = 1000;
  const auto sparse = By(v1::RERANK_METHOD_SPARSE_ENCODER, "fake-head");
  ASSERT_TRUE(Search(&sparse, &response).ok());
  EXPECT_THAT(response.report().rerank().fallback_reason(), HasSubstr("needs 4000 bytes"));
}

TEST_F(RerankTest, AskSaysWhenItDidWithout) {
  Start();
  v1::AskRequest request;
  request.set_collection("docs");
  request.set_question("the old mill");
  *request.mutable_search()->mutable_rerank() = By(v1::RERANK_METHOD_CROSS_ENCODER, "fake-head");
  Asked asked = Ask(channel_, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  const auto first_uri = [&] {
    for (const auto& event : asked.events) {
      if (event.has_retrieved()) return event.retrieved().passages(0).uri();
    }
    return std::string();
  };
  EXPECT_EQ(first_uri(), "/5.txt");
  request.mutable_search()->mutable_rerank()->set_model("no-such");
  asked = Ask(channel_, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  std::string said;
  for (const auto& event : asked.events) said += event.DebugString();
  EXPECT_THAT(said, HasSubstr("Not reranked by cross:no-such"));
}

TEST_F(RerankTest, PassagesCanBeScoredByThemselves) {
  Start();
  v1::ScorePassagesRequest request;
  v1::ScorePassagesResponse response;
  const auto score = [&] {
    grpc::ClientContext context;
    return v1::EmbeddingService::NewStub(channel_)->ScorePassages(&context, request, &response).error_code();
  };
  EXPECT_EQ(score(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_query("mill");
  EXPECT_EQ(score(), grpc::StatusCode::INVALID_ARGUMENT);
  request.add_passages("an old mill");
  request.add_passages("sheep");
  EXPECT_EQ(score(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_kind(v1::PASSAGE_SCORER_KIND_CROSS_ENCODER);
  EXPECT_EQ(score(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_model("fake-generator");
  EXPECT_EQ(score(), grpc::StatusCode::NOT_FOUND);
  request.set_model("fake-head");
  ASSERT_EQ(score(), grpc::StatusCode::OK);
  ASSERT_EQ(response.scores_size(), 2);
  EXPECT_GT(response.scores(0), response.scores(1));
  EXPECT_EQ(response.model_fingerprint(), "fake-head-1");
  for (int i = 0; i < 1000; ++i) request.add_passages("x");
  EXPECT_EQ(score(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace precis::services
