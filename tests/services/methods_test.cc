// Compression methods that use the models of other roles: through a whole server, with and without those models.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "precis/v1/compression.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using testing::HasSubstr;

class Methods : public testing::Test {
 protected:
  void Start(const std::vector<std::string>& flags = {}) {
    auto daemon = StartTestDaemon(TestConfig(folder_.path(), flags), engines_);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = *std::move(daemon);
    channel_ = Dial(daemon_->address());
  }
  v1::CompressRequest Request(const std::string& method) {
    v1::CompressRequest request;
    request.mutable_options()->set_budget_tokens(24);
    request.mutable_options()->set_target_model("fake-encoder");
    request.mutable_options()->add_steps()->set_method(method);
    for (int i = 0; i < 6; ++i) {
      request.add_passages()->set_text(
          absl::StrCat("The lighthouse number ", i, " is old. It has a lamp. Nobody lives there."));
    }
    return request;
  }
  grpc::Status Compress(const v1::CompressRequest& request, v1::CompressResponse* response) {
    grpc::ClientContext context;
    return v1::CompressionService::NewStub(channel_)->Compress(&context, request, response);
  }
  v1::Method Listed(const std::string& name) {
    grpc::ClientContext context;
    v1::ListMethodsResponse response;
    const grpc::Status status = v1::CompressionService::NewStub(channel_)->ListMethods(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    for (const v1::Method& method : response.methods()) {
      if (method.name() == name) return method;
    }
    ADD_FAILURE() << name << " is not listed";
    return {};
  }

  TempFolder folder_;
  std::shared_ptr<FakeEngines> engines_ = std::make_shared<FakeEngines>();
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(Methods, EveryListedMethodRunsByName) {
  Start();
  for (const char* name : {"auto", "none", "truncate", "extractive", "lexical", "tcra_semantic", "tcra_summary", "crag",
                           "hierarchical", "capsule", "lingua", "infini", "xl3m", "talk"}) {
    EXPECT_TRUE(Listed(name).available()) << name << ": " << Listed(name).unavailable_reason();
    v1::CompressResponse response;
    v1::CompressRequest request = Request(name);
    request.set_query("lighthouse");
    const grpc::Status status = Compress(request, &response);
    ASSERT_TRUE(status.ok()) << name << ": " << status.error_message();
    EXPECT_LE(response.receipt().tokens_out(), 24);
    EXPECT_EQ(response.receipt().fallbacks_size(), 0) << name << ": " << response.receipt().fallbacks(0).reason();
    ASSERT_EQ(response.receipt().steps_size() > 0, true);
    if (std::string(name) != "auto") {
      EXPECT_EQ(response.receipt().steps(0).method(), name);
    }
  }
  EXPECT_TRUE(Listed("lingua").needs_scorer());
  EXPECT_TRUE(Listed("crag").rewrites());
  EXPECT_TRUE(Listed("capsule").needs_generator());
}

TEST_F(Methods, TheReceiptTellsHowLongTheGeneratedTextsAre) {
  Start();
  v1::CompressResponse response;
  v1::CompressRequest request = Request("capsule");
  (*request.mutable_options()->mutable_steps(0)->mutable_parameters())["candidates"] = "2";
  ASSERT_TRUE(Compress(request, &response).ok());
  EXPECT_EQ(response.receipt().generated().candidate_count(), 2) << response.receipt().DebugString();
  EXPECT_EQ(response.receipt().generated().text_count(), 2);
  EXPECT_GT(response.receipt().generated().mean_length(), 0);
}

TEST_F(Methods, TheGeneratorOfItsRoleWritesTheSummaries) {
  Start();
  v1::CompressResponse response;
  ASSERT_TRUE(Compress(Request("crag"), &response).ok());
  EXPECT_GT(engines_->steps, 0);
  bool said = false;
  for (const std::string& warning : response.receipt().warnings()) {
    said |= warning.find("'fake-generator'") != std::string::npos;
  }
  EXPECT_TRUE(said) << response.receipt().DebugString();
}

TEST_F(Methods, TheScorerHasAModelOfItsOwnAndFallsBackToTheGenerator) {
  engines_->models.insert("fake-scorer");
  Start({"--scorer=fake-scorer"});
  v1::CompressResponse response;
  ASSERT_TRUE(Compress(Request("lingua"), &response).ok());
  EXPECT_EQ(response.receipt().fallbacks_size(), 0);
  engines_->models.erase("fake-scorer");
  ASSERT_TRUE(Compress(Request("lingua"), &response).ok());
  EXPECT_EQ(response.receipt().fallbacks_size(), 0);
}

TEST_F(Methods, WithoutALanguageModelTheReceiptSaysWhyAndTheStrictCallFails) {
  engines_->models = {"fake-encoder"};
  Start();
  EXPECT_FALSE(Listed("lingua").available());
  EXPECT_THAT(Listed("lingua").unavailable_reason(), HasSubstr("precis model pull"));
  EXPECT_TRUE(Listed("crag").available());
  for (const char* method : {"tcra_summary", "hierarchical", "capsule"}) {
    EXPECT_FALSE(Listed(method).available());
    EXPECT_THAT(Listed(method).unavailable_reason(), HasSubstr("precis model pull"));
  }
  v1::CompressResponse response;
  ASSERT_TRUE(Compress(Request("lingua"), &response).ok());
  ASSERT_EQ(response.receipt().fallbacks_size(), 1);
  EXPECT_EQ(response.receipt().fallbacks(0).from_method(), "lingua");
  EXPECT_THAT(response.receipt().fallbacks(0).reason(), HasSubstr("precis model pull"));
  ASSERT_TRUE(Compress(Request("crag"), &response).ok());
  EXPECT_EQ(response.receipt().steps(0).method(), "crag");
  for (const char* method : {"lingua", "crag", "tcra_summary", "hierarchical", "capsule"}) {
    v1::CompressRequest strict = Request(method);
    strict.mutable_options()->set_fallback_policy(v1::FALLBACK_POLICY_FAIL);
    const grpc::Status status = Compress(strict, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(status.error_message(), HasSubstr("precis model pull")) << method;
  }
}

TEST_F(Methods, SegmentsAreScoredByTheGeneratorsRole) {
  Start();
  v1::ScoreSegmentsRequest request;
  v1::ScoreSegmentsResponse response;
  const auto score = [&] {
    grpc::ClientContext context;
    return v1::GenerationService::NewStub(channel_)->ScoreSegments(&context, request, &response);
  };
  EXPECT_EQ(score().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_question("old mill");
  EXPECT_EQ(score().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.add_segments("An old house. ");
  request.add_segments("The old mill.");
  EXPECT_EQ(score().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_method(v1::SEGMENT_SCORE_METHOD_QUESTION_LIKELIHOOD);
  ASSERT_TRUE(score().ok());
  EXPECT_THAT(response.scores(), testing::ElementsAre(1, 2));
  EXPECT_FALSE(response.model_fingerprint().empty());
  request.set_method(v1::SEGMENT_SCORE_METHOD_ENTROPY);
  ASSERT_TRUE(score().ok());
  EXPECT_THAT(response.scores(), testing::ElementsAre(14, 13));
  for (int i = 0; i < 10'000; ++i) request.add_segments("x");
  const grpc::Status status = score();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("10002"));
}

TEST_F(Methods, AClientThatLeavesEndsTheSummary) {
  engines_->endless = true;
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  v1::CompressResponse response;
  const grpc::Status status = v1::CompressionService::NewStub(channel_)->Compress(&context, Request("crag"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([this] { return engines_->generating == 0; }));
}

}  // namespace
}  // namespace precis::services
