#include "test_stack.h"

#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "adapters/channels.h"
#include "gtest/gtest.h"
#include "runtime/log.h"

namespace precis::services {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "precis-services-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Config TestConfig(const std::string& data_dir, const std::vector<std::string>& flags) {
  std::vector<std::string> all = {"--listen=127.0.0.1:0",    "--metrics-listen=",      "--log-level=off",
                                  "--data-dir=" + data_dir,  "--encoder=fake-encoder", "--generator=fake-generator",
                                  "--shutdown-grace-ms=2000"};
  all.insert(all.end(), flags.begin(), flags.end());
  auto command = ParseCommandLine(all, [](const char*) -> const char* { return nullptr; });
  EXPECT_TRUE(command.ok()) << command.status();
  SetUpLogging(command->config.log_level, command->config.log_format);
  return command->config;
}

absl::StatusOr<std::unique_ptr<Daemon>> StartTestDaemon(Config config, const std::shared_ptr<FakeEngines>& engines) {
  return Daemon::Start(std::move(config), MakeFakeModels(engines));
}

std::shared_ptr<grpc::Channel> Dial(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  KeepForEver(channel);
  return channel;
}

Ingested Ingest(const std::shared_ptr<grpc::Channel>& channel, const std::string& collection,
                const std::vector<TestDocument>& documents) {
  const auto stub = v1::DocumentService::NewStub(channel);
  grpc::ClientContext context;
  const auto stream = stub->IngestDocuments(&context);
  for (const TestDocument& document : documents) {
    v1::IngestDocumentsRequest part;
    part.mutable_header()->set_collection(collection);
    part.mutable_header()->set_uri(document.uri);
    part.mutable_header()->set_request_id(document.uri);
    if (!stream->Write(part)) break;
    for (size_t begin = 0; begin < document.content.size(); begin += 1 << 20) {
      part.set_content(document.content.substr(begin, 1 << 20));
      stream->Write(part);
    }
    part.mutable_end();
    stream->Write(part);
  }
  stream->WritesDone();
  Ingested ingested;
  v1::IngestDocumentsResponse response;
  while (stream->Read(&response)) ingested.results.push_back(response.result());
  ingested.status = stream->Finish();
  return ingested;
}

grpc::Status CreateCollection(const std::shared_ptr<grpc::Channel>& channel, const std::string& name,
                              const std::string& request_id) {
  const auto stub = v1::CollectionService::NewStub(channel);
  grpc::ClientContext context;
  v1::CreateCollectionRequest request;
  request.set_name(name);
  request.set_request_id(request_id);
  v1::CreateCollectionResponse response;
  return stub->CreateCollection(&context, request, &response);
}

Asked Ask(const std::shared_ptr<grpc::Channel>& channel, const v1::AskRequest& request) {
  const auto stub = v1::PipelineService::NewStub(channel);
  grpc::ClientContext context;
  const auto stream = stub->Ask(&context, request);
  Asked asked;
  v1::AskResponse event;
  while (stream->Read(&event)) {
    if (event.has_delta()) {
      std::string& text = asked.texts[event.delta().question_index()];
      if (event.delta().restarts()) text.clear();
      text += event.delta().text();
    }
    asked.events.push_back(event);
  }
  asked.answer = asked.texts[0];
  asked.status = stream->Finish();
  return asked;
}

const v1::AskReceipt& Asked::receipt() const {
  for (const v1::AskResponse& event : events) {
    if (event.has_receipt()) return event.receipt();
  }
  return v1::AskReceipt::default_instance();
}

}  // namespace precis::services
