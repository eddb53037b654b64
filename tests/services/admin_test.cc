// AdminService, and what holds for every service.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "precis/v1/admin.grpc.pb.h"
#include "precis/v1/compression.grpc.pb.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "precis/v1/generation.grpc.pb.h"
#include "precis/v1/splitting.grpc.pb.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

using AdminStack = Stack;

TEST_F(AdminStack, ImpossibleTenantsAreInvalidInEveryService) {
  IndexThree();
  const std::string bad = "../other";
  const auto expect = [&](const grpc::Status& status, const char* call) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << call << ": " << status.error_message();
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr("../other"), HasSubstr("A-Z a-z 0-9 . _ -"))) << call;
  };
  {
    grpc::ClientContext context;
    v1::ListDocumentsRequest request;
    request.set_tenant(bad);
    request.set_collection("docs");
    v1::ListDocumentsResponse response;
    expect(v1::DocumentService::NewStub(channel_)->ListDocuments(&context, request, &response), "ListDocuments");
  }
  {
    grpc::ClientContext context;
    v1::StatsRequest request;
    request.set_tenant(bad);
    v1::StatsResponse response;
    expect(v1::AdminService::NewStub(channel_)->Stats(&context, request, &response), "Stats");
  }
  {
    grpc::ClientContext context;
    v1::CompressRequest request;
    request.set_tenant(bad);
    request.add_passages()->set_text("text");
    request.mutable_options()->set_budget_tokens(10);
    v1::CompressResponse response;
    expect(v1::CompressionService::NewStub(channel_)->Compress(&context, request, &response), "Compress");
  }
  {
    grpc::ClientContext context;
    v1::SplitRequest request;
    request.set_tenant(bad);
    request.set_text("text");
    v1::SplitResponse response;
    expect(v1::SplittingService::NewStub(channel_)->Split(&context, request, &response), "Split");
  }
  {
    grpc::ClientContext context;
    v1::ScoreTokensRequest request;
    request.set_tenant(bad);
    request.set_text("text");
    v1::ScoreTokensResponse response;
    expect(v1::GenerationService::NewStub(channel_)->ScoreTokens(&context, request, &response), "ScoreTokens");
  }
  {
    grpc::ClientContext context;
    v1::ScoreSegmentsRequest request;
    request.set_tenant(bad);
    v1::ScoreSegmentsResponse response;
    expect(v1::GenerationService::NewStub(channel_)->ScoreSegments(&context, request, &response), "ScoreSegments");
  }
  {
    grpc::ClientContext context;
    v1::GenerateRequest request;
    request.set_tenant(bad);
    request.set_prompt("text");
    const auto stream = v1::GenerationService::NewStub(channel_)->Generate(&context, request);
    v1::GenerateResponse event;
    while (stream->Read(&event)) {
    }
    expect(stream->Finish(), "Generate");
  }
  {
    grpc::ClientContext context;
    const auto stream = v1::EmbeddingService::NewStub(channel_)->Embed(&context);
    v1::EmbedRequest request;
    request.add_items()->set_text("text");
    request.mutable_items(0)->mutable_cache_tag()->set_tenant(bad);
    stream->Write(request);
    stream->WritesDone();
    v1::EmbedResponse response;
    while (stream->Read(&response)) {
    }
    expect(stream->Finish(), "Embed");
  }
  v1::AskRequest request = Question("How old is the lighthouse?");
  request.set_tenant(bad);
  expect(Ask(channel_, request).status, "Ask");
}

TEST_F(AdminStack, StatsNameEveryRole) {
  const v1::StatsResponse stats = Stats();
  ASSERT_EQ(stats.roles_size(), 5);
  for (const v1::RoleStats& role : stats.roles()) {
    EXPECT_TRUE(role.reachable()) << role.DebugString();
    EXPECT_FALSE(role.detail().empty());
    EXPECT_GT(role.resident_bytes(), 0);
    EXPECT_THAT(role.instruction_set(), ::testing::AnyOf("scalar", "avx2", "avx512", "avx512_vnni"));
  }
}

}  // namespace
}  // namespace precis::services
