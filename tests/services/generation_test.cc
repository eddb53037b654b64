// GenerationService through the gateway: models in memory.
#include "gtest/gtest.h"
#include "precis/v1/generation.grpc.pb.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using GenerationStack = Stack;

TEST_F(GenerationStack, ModelsAreListedLoadedAndFreed) {
  const auto stub = v1::GenerationService::NewStub(channel_);
  v1::LoadModelRequest load;
  load.set_name("fake-generator");
  v1::LoadModelResponse loaded;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub->LoadModel(&context, load, &loaded).ok());
    EXPECT_EQ(loaded.model().state(), v1::MODEL_STATE_LOADED);
    EXPECT_TRUE(loaded.model().is_default());
  }
  {
    grpc::ClientContext context;
    v1::UnloadModelRequest request;
    request.set_name("fake-generator");
    v1::UnloadModelResponse response;
    ASSERT_TRUE(stub->UnloadModel(&context, request, &response).ok());
    EXPECT_EQ(response.model().state(), v1::MODEL_STATE_AVAILABLE);
  }
  {
    grpc::ClientContext context;
    v1::ListModelsResponse response;
    ASSERT_TRUE(stub->ListModels(&context, {}, &response).ok());
    ASSERT_EQ(response.models_size(), 2);
    EXPECT_EQ(response.models(0).name(), "fake-generator");
    EXPECT_EQ(response.models(1).kind(), v1::MODEL_KIND_ENCODER);
  }
  grpc::ClientContext context;
  load.set_name("missing");
  EXPECT_EQ(stub->LoadModel(&context, load, &loaded).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GenerationStack, AnIdleModelIsFreed) {
  const auto stub = v1::GenerationService::NewStub(channel_);
  v1::LoadModelRequest load;
  load.set_name("fake-generator");
  load.set_idle_timeout_ms(1);
  v1::LoadModelResponse loaded;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->LoadModel(&context, load, &loaded).ok());
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext list_context;
    v1::ListModelsResponse models;
    return stub->ListModels(&list_context, {}, &models).ok() && models.models(0).state() == v1::MODEL_STATE_AVAILABLE;
  }));
}

}  // namespace
}  // namespace precis::services
