// EmbeddingService through the gateway.
#include <string>

#include "gtest/gtest.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using EmbeddingStack = Stack;

TEST_F(EmbeddingStack, EmbeddingErrorsBelongToTheirItems) {
  const auto stub = v1::EmbeddingService::NewStub(channel_);
  grpc::ClientContext context;
  const auto stream = stub->Embed(&context);
  v1::EmbedRequest request;
  std::string longer;
  for (int i = 0; i < 200; ++i) longer += " word";
  request.add_items()->set_text("short");
  request.add_items()->set_text(longer);
  request.mutable_items(1)->set_id(1);
  stream->Write(request);
  stream->WritesDone();
  v1::EmbedResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).values_size(), response.dimensions());
  EXPECT_EQ(response.results(1).error().reason(), "INPUT_TOO_LONG");
  EXPECT_TRUE(response.batch_end());
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(EmbeddingStack, ARefreshedVectorIsStored) {
  const auto embed = [&](v1::CachePolicy policy) {
    grpc::ClientContext context;
    const auto stream = v1::EmbeddingService::NewStub(channel_)->Embed(&context);
    v1::EmbedRequest request;
    request.set_cache_policy(policy);
    request.add_items()->set_text("A red lighthouse.");
    request.mutable_items(0)->mutable_cache_tag()->set_tenant("t");
    stream->Write(request);
    stream->WritesDone();
    v1::EmbedResponse response;
    EXPECT_TRUE(stream->Read(&response));
    EXPECT_TRUE(stream->Finish().ok());
    return response.results_size() == 1 && response.results(0).cache_hit();
  };
  EXPECT_FALSE(embed(v1::CACHE_POLICY_BYPASS));
  EXPECT_FALSE(embed(v1::CACHE_POLICY_REFRESH));
  EXPECT_TRUE(embed(v1::CACHE_POLICY_UNSPECIFIED)) << "what REFRESH computed is there";
  const int computed = engines_->embedded;
  EXPECT_FALSE(embed(v1::CACHE_POLICY_REFRESH));
  EXPECT_EQ(engines_->embedded, computed + 1) << "it looks nothing up";
}

}  // namespace
}  // namespace precis::services
