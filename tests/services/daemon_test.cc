// How processes start, find each other, and stop.
#include <string>

#include "daemon/health_client.h"
#include "gateway/routes.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "precis/v1/admin.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<FakeEngines> Engines() { return std::make_shared<FakeEngines>(); }

TEST(Daemon, TwoOnOneFolderAreTold) {
  TempFolder folder;
  const auto first = StartTestDaemon(TestConfig(folder.path()), Engines());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = StartTestDaemon(TestConfig(folder.path()), Engines());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(folder.path()));
}

TEST(Daemon, APortInUseIsTold) {
  TempFolder folder, other;
  const auto first = StartTestDaemon(TestConfig(folder.path()), Engines());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = StartTestDaemon(TestConfig(other.path(), {"--listen=" + (*first)->address()}), Engines());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr((*first)->address()));
}

TEST(Daemon, DataOutlivesAStop) {
  TempFolder folder;
  {
    const auto daemon = StartTestDaemon(TestConfig(folder.path()), Engines());
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    const auto channel = Dial((*daemon)->address());
    ASSERT_TRUE(CreateCollection(channel, "docs").ok());
    ASSERT_TRUE(Ingest(channel, "docs", {{"/a.txt", "A lighthouse."}}).status.ok());
  }
  const auto daemon = StartTestDaemon(TestConfig(folder.path()), Engines());
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  grpc::ClientContext context;
  v1::SearchRequest request;
  request.set_collection("docs");
  request.set_query("lighthouse");
  v1::SearchResponse response;
  ASSERT_TRUE(v1::RetrievalService::NewStub(Dial((*daemon)->address()))->Search(&context, request, &response).ok());
  EXPECT_EQ(response.passages_size(), 1);
}

TEST(Daemon, HealthFollowsTheServer) {
  TempFolder folder;
  auto daemon = StartTestDaemon(TestConfig(folder.path()), Engines());
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const std::string address = (*daemon)->address();
  std::string detail;
  EXPECT_TRUE(IsServing(address, "", &detail)) << detail;
  for (const PublicService& service : PublicServices())
    EXPECT_TRUE(IsServing(address, service.name, &detail)) << detail;
  EXPECT_FALSE(IsServing(address, "precis.v1.NoSuchService", &detail));
  (*daemon)->Stop();
  EXPECT_FALSE(IsServing(address, "", &detail));
  EXPECT_THAT(detail, HasSubstr(address));
}

TEST(Daemon, AMissingEncoderIsNoReasonNotToStart) {
  TempFolder folder;
  auto engines = Engines();
  engines->models = {};
  auto daemon = StartTestDaemon(TestConfig(folder.path()), engines);
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  std::string detail;
  EXPECT_FALSE(IsServing((*daemon)->address(), "precis.v1.EmbeddingService", &detail));
  const auto channel = Dial((*daemon)->address());
  const grpc::Status refused = CreateCollection(channel, "docs");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(refused.error_message(), HasSubstr("fake-encoder"));
  engines->models = {"fake-encoder", "fake-generator"};
  EXPECT_TRUE(CreateCollection(channel, "docs").ok()) << "found without a restart";
  EXPECT_TRUE(Eventually([&] { return IsServing((*daemon)->address(), "precis.v1.EmbeddingService", &detail); }));
}

// grpc.reflection.v1alpha.ServerReflectionRequest { string list_services = 7; }; names of services stand in the reply.
std::string ListServices(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  const auto call =
      stub.PrepareCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  const auto next = [&] { queue.Next(&tag, &ok); };
  call->StartCall(nullptr);
  next();
  const grpc::Slice slice(std::string("\x3a\x01*"));
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  next();
  grpc::ByteBuffer reply;
  call->Read(&reply, nullptr);
  next();
  std::string text;
  std::vector<grpc::Slice> slices;
  if (ok && reply.Dump(&slices).ok()) {
    for (const grpc::Slice& part : slices) text.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  call->WritesDone(nullptr);
  next();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return text;
}

TEST(Daemon, ReflectionAtTheGatewayListsEveryPublicService) {
  TempFolder folder;
  auto daemon = StartTestDaemon(TestConfig(folder.path()), Engines());
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const std::string services = ListServices(Dial((*daemon)->address()));
  for (const PublicService& service : PublicServices()) EXPECT_THAT(services, HasSubstr(service.name));
  EXPECT_THAT(services, Not(HasSubstr("ErasureService")));
}

TEST(Daemon, OnlyMethodsOfThePublicContractAreForwarded) {
  TempFolder folder;
  auto daemon = StartTestDaemon(TestConfig(folder.path()), Engines());
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  grpc::GenericStub stub(Dial((*daemon)->address()));
  for (const char* method : {"/precis.v1.ErasureService/Erase", "/precis.v1.RetrievalService/NoSuchMethod",
                             "/precis.v1.RetrievalService", "/other.Service/Search"}) {
    grpc::ClientContext context;
    const grpc::ByteBuffer request;
    grpc::ByteBuffer reply;
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    grpc::Status status;
    call->StartCall();
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
}

// Five processes' worth of daemons, as in compose.
class Split : public ::testing::Test {
 protected:
  std::unique_ptr<Daemon> Role(const std::string& role, const std::string& listen, std::vector<std::string> flags) {
    flags.push_back("--roles=" + role);
    flags.push_back("--listen=" + listen);
    auto daemon = StartTestDaemon(TestConfig(folder_.path() + "/" + role, flags), engines_);
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    return daemon.ok() ? *std::move(daemon) : nullptr;
  }
  TempFolder folder_;
  std::shared_ptr<FakeEngines> engines_ = Engines();
};

TEST_F(Split, ARoleThatIsDownIsNamedAndFoundAgain) {
  auto embedder = Role("embedder", "127.0.0.1:0", {});
  ASSERT_NE(embedder, nullptr);
  const std::string embedder_address = embedder->address();
  const std::string to_embedder = "--embedder-address=" + embedder_address;
  auto compressor = Role("compressor", "127.0.0.1:0", {to_embedder});
  ASSERT_NE(compressor, nullptr);
  const std::string to_compressor = "--compressor-address=" + compressor->address();
  auto retriever = Role("retriever", "127.0.0.1:0", {to_embedder, to_compressor});
  auto generator = Role("generator", "127.0.0.1:0", {});
  ASSERT_TRUE(retriever != nullptr && generator != nullptr);
  auto gateway = Role("gateway", "127.0.0.1:0",
                      {to_embedder, to_compressor, "--retriever-address=" + retriever->address(),
                       "--generator-address=" + generator->address()});
  ASSERT_NE(gateway, nullptr);
  const auto channel = Dial(gateway->address());

  ASSERT_TRUE(CreateCollection(channel, "docs").ok());
  ASSERT_TRUE(Ingest(channel, "docs", {{"/a.txt", "The lighthouse was built in 1893."}}).status.ok());
  v1::AskRequest question;
  question.set_collection("docs");
  question.set_question("When was the lighthouse built?");
  const Asked asked = Ask(channel, question);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_THAT(asked.answer, HasSubstr("1893"));

  const std::string generator_address = generator->address();
  generator.reset();
  const Asked refused = Ask(channel, question);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused.status.error_message(), AllOf(HasSubstr("generator"), HasSubstr(generator_address)));
  {
    grpc::ClientContext context;
    v1::StatsResponse stats;
    ASSERT_TRUE(v1::AdminService::NewStub(channel)->Stats(&context, {}, &stats).ok());
    ASSERT_EQ(stats.roles_size(), 5);
    for (const v1::RoleStats& role : stats.roles()) {
      EXPECT_EQ(role.reachable(), role.role() != "generator") << role.DebugString();
      EXPECT_FALSE(role.detail().empty());
    }
  }
  generator = Role("generator", generator_address, {});
  ASSERT_NE(generator, nullptr);
  EXPECT_TRUE(Eventually([&] { return Ask(channel, question).status.ok(); }));

  // A delete is durable while a cache is down, and reaches it when it is back.
  const std::string compressor_address = compressor->address();
  compressor.reset();
  v1::DeleteDocumentRequest request;
  request.set_collection("docs");
  request.set_uri("/a.txt");
  v1::DeleteDocumentResponse response;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(v1::DocumentService::NewStub(channel)->DeleteDocument(&context, request, &response).ok());
    EXPECT_EQ(response.state(), v1::ERASURE_STATE_HIDDEN);
  }
  compressor = Role("compressor", compressor_address, {to_embedder});
  ASSERT_NE(compressor, nullptr);
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    v1::StatsResponse stats;
    return v1::AdminService::NewStub(channel)->Stats(&context, {}, &stats).ok() && stats.pending_erasures() == 0;
  }));
  // The front goes first.
  gateway.reset();
}

}  // namespace
}  // namespace precis::services
