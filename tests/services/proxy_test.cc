// The gateway's proxy in front of a role made by hand: bytes, metadata, status, deadline, cancellation and back
// pressure go through it.
#include "gateway/proxy.h"

#include <atomic>
#include <memory>
#include <thread>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "precis/v1/generation.grpc.pb.h"
#include "runtime/log.h"
#include "runtime/status.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

// Blocking services are the simplest role to steer.
class FakeRole final : public v1::GenerationService::Service {
 public:
  grpc::Status Tokenize(grpc::ServerContext* context, const v1::TokenizeRequest* request,
                        v1::TokenizeResponse* response) override {
    for (const auto& [key, value] : context->client_metadata()) {
      metadata += std::string(key.data(), key.size()) + "=" + std::string(value.data(), value.size()) + ";";
    }
    has_deadline = context->deadline() < std::chrono::system_clock::now() + std::chrono::hours(1);
    context->AddTrailingMetadata("x-trailer", "yes");
    if (request->text() == "fail") return ToGrpc(FieldError("text", "is 'fail'"));
    response->set_token_count(static_cast<int64_t>(request->text().size()));
    return grpc::Status::OK;
  }
  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateResponse>* writer) override {
    v1::GenerateResponse event;
    event.mutable_delta()->set_text(std::string(64 << 10, 'x'));
    int i = 0;
    for (; i < request->max_tokens() && !context->IsCancelled() && writer->Write(event); ++i) ++written;
    cancelled = i < request->max_tokens();
    return grpc::Status::OK;
  }
  std::string metadata;
  std::atomic<bool> has_deadline = false, cancelled = false;
  std::atomic<int> written = 0;
};

class Echo final : public v1::EmbeddingService::Service {
 public:
  grpc::Status Embed(grpc::ServerContext*,
                     grpc::ServerReaderWriter<v1::EmbedResponse, v1::EmbedRequest>* stream) override {
    v1::EmbedRequest request;
    while (stream->Read(&request)) {
      if (request.model() == "stop") return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such model");
      v1::EmbedResponse response;
      response.set_model(request.model());
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
};

class ProxyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetUpLogging("off", "text");
    grpc::ServerBuilder inner;
    inner.RegisterService(&role_);
    inner.RegisterService(&echo_);
    inner_ = inner.BuildAndStart();
    const auto to_role = inner_->InProcessChannel({});
    proxy_ = std::make_unique<Proxy>(host_, [to_role](const std::string& method) {
      const std::string service = method.substr(0, method.find('/'));
      Route route;
      if (service == "precis.v1.GenerationService" || service == "precis.v1.EmbeddingService") {
        route.channel = to_role;
      } else {
        route.refusal = grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no service " + service);
      }
      return route;
    });
    grpc::ServerBuilder front;
    front.RegisterCallbackGenericService(proxy_.get());
    int port = 0;
    front.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    front_ = front.BuildAndStart();
    channel_ = Dial("127.0.0.1:" + std::to_string(port));
  }
  void TearDown() override {
    front_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    inner_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  }

  Metrics metrics_;
  Executor executor_{"test", 1, 8};
  const Host host_{"gateway", &executor_, &metrics_};
  FakeRole role_;
  Echo echo_;
  std::unique_ptr<grpc::Server> inner_, front_;
  std::unique_ptr<Proxy> proxy_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(ProxyTest, AUnaryCallPassesWithItsAllowedMetadata) {
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "id-1");
  context.AddMetadata("traceparent", "00-trace");
  context.AddMetadata("x-precis-tenant", "somebody-else");
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::TokenizeRequest request;
  request.set_text("four");
  v1::TokenizeResponse response;
  const grpc::Status status = v1::GenerationService::NewStub(channel_)->Tokenize(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.token_count(), 4);
  EXPECT_THAT(role_.metadata, HasSubstr("x-request-id=id-1;"));
  EXPECT_THAT(role_.metadata, HasSubstr("traceparent=00-trace;"));
  EXPECT_THAT(role_.metadata, Not(HasSubstr("somebody-else"))) << "identity is never a client's to give";
  EXPECT_TRUE(role_.has_deadline);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("x-trailer"), 1u);
  EXPECT_EQ(context.GetServerInitialMetadata().count("x-request-id"), 1u);
}

TEST_F(ProxyTest, StatusAndDetailsPass) {
  grpc::ClientContext context;
  v1::TokenizeRequest request;
  request.set_text("fail");
  v1::TokenizeResponse response;
  const grpc::Status status = v1::GenerationService::NewStub(channel_)->Tokenize(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "text is 'fail'");
  EXPECT_FALSE(status.error_details().empty());
}

TEST_F(ProxyTest, UnknownServicesAreRefused) {
  grpc::ClientContext context;
  v1::PipelineService::Stub stub(channel_);
  const auto stream = stub.Ask(&context, {});
  v1::AskResponse event;
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ProxyTest, BidirectionalStreamsPassMessageByMessage) {
  grpc::ClientContext context;
  v1::EmbeddingService::Stub stub(channel_);
  const auto stream = stub.Embed(&context);
  for (int i = 0; i < 100; ++i) {
    v1::EmbedRequest request;
    request.set_model(std::to_string(i));
    ASSERT_TRUE(stream->Write(request));
    v1::EmbedResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.model(), request.model());
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ProxyTest, ARoleThatEndsEarlyEndsTheCallOfAClientThatStillSends) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  v1::EmbeddingService::Stub stub(channel_);
  const auto stream = stub.Embed(&context);
  v1::EmbedRequest request;
  request.set_model("stop");
  ASSERT_TRUE(stream->Write(request));
  v1::EmbedResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND) << "and not only at the deadline";
}

TEST_F(ProxyTest, ASlowClientSlowsTheRole) {
  grpc::ClientContext context;
  v1::GenerateRequest request;
  request.set_max_tokens(2000);  // 128 MB
  v1::GenerationService::Stub stub(channel_);
  const auto stream = stub.Generate(&context, request);
  v1::GenerateResponse event;
  ASSERT_TRUE(stream->Read(&event));
  // The role goes on until the buffers between are full, then stands still.
  int before = -1;
  ASSERT_TRUE(Eventually([&] {
    const int now = role_.written;
    absl::SleepFor(absl::Milliseconds(50));
    const bool still = now == role_.written && now == before;
    before = now;
    return still;
  }));
  EXPECT_LT(role_.written, 1000);
  int read = 1;
  while (stream->Read(&event)) ++read;
  EXPECT_EQ(read, 2000);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ProxyTest, CancellingReachesTheRole) {
  grpc::ClientContext context;
  v1::GenerateRequest request;
  request.set_max_tokens(1'000'000'000);
  v1::GenerationService::Stub stub(channel_);
  const auto stream = stub.Generate(&context, request);
  v1::GenerateResponse event;
  ASSERT_TRUE(stream->Read(&event));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return role_.cancelled.load(); }));
}

TEST_F(ProxyTest, TheDeadlineReachesTheRole) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  v1::GenerateRequest request;
  request.set_max_tokens(1'000'000'000);
  v1::GenerationService::Stub stub(channel_);
  const auto stream = stub.Generate(&context, request);
  v1::GenerateResponse event;
  while (stream->Read(&event)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return role_.cancelled.load(); }));
}

}  // namespace
}  // namespace precis::services
