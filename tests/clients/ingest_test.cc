#include "cli/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>

#include "precis/base/file.h"

namespace precis::cli {
namespace {

namespace fs = std::filesystem;

// Answers every document, and breaks the stream after `break_after` of them, `breaks` times.
class FakeDocuments final : public v1::DocumentService::Service {
 public:
  int break_after = 1 << 30;
  std::atomic<int> breaks{0};
  std::atomic<int> received{0};
  std::mutex mutex;
  std::map<std::string, int> times;
  std::map<std::string, std::string> contents;

  grpc::Status IngestDocuments(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::IngestDocumentsResponse, v1::IngestDocumentsRequest>* stream) override {
    v1::IngestDocumentsRequest part;
    std::string uri, content;
    int answered = 0;
    while (stream->Read(&part)) {
      if (part.has_header()) {
        uri = part.header().uri();
        content.clear();
      } else if (part.part_case() == v1::IngestDocumentsRequest::kContent) {
        EXPECT_LE(part.content().size(), 1u << 20);
        content += part.content();
      } else {
        ++received;
        {
          std::lock_guard lock(mutex);
          ++times[uri];
          contents[uri] = content;
        }
        if (answered == break_after && breaks > 0) {
          --breaks;
          return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away");
        }
        v1::IngestDocumentsResponse response;
        response.mutable_result()->set_uri(uri);
        response.mutable_result()->set_outcome(v1::INGEST_OUTCOME_ADDED);
        stream->Write(response);
        ++answered;
      }
    }
    return grpc::Status::OK;
  }
};

class IngestTest : public testing::Test {
 protected:
  IngestTest() {
    std::string pattern = testing::TempDir() + "/precis_ingest_XXXXXX";
    root_ = mkdtemp(pattern.data());
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    globals_.server = "127.0.0.1:" + std::to_string(port);
  }
  ~IngestTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    fs::remove_all(root_);
  }

  FoundFile Make(const std::string& name, const std::string& content) {
    const std::string path = root_ + "/" + name;
    EXPECT_TRUE(WriteFileDurably(path, content).ok());
    return {path, static_cast<int64_t>(content.size())};
  }

  std::string root_;
  FakeDocuments service_;
  std::unique_ptr<grpc::Server> server_;
  Globals globals_;
};

TEST_F(IngestTest, EveryFileGetsOneResultAndItsBytesArrive) {
  IngestPlan plan;
  const std::string large(3'000'000, 'x');
  plan.files = {Make("a", "small"), Make("b", large), Make("empty", "")};
  Client client(globals_);
  std::multiset<std::string> results;
  const grpc::Status status =
      IngestFiles(client, plan, [&](const FoundFile& file, const v1::IngestResult&) { results.insert(file.path); });
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(results.size(), 3u);
  EXPECT_EQ(service_.contents[plan.files[1].path], large);
}

TEST_F(IngestTest, ABrokenStreamIsTakenUpAgainWithoutSendingWhatWasAcknowledged) {
  IngestPlan plan;
  for (int i = 0; i < 20; ++i) plan.files.push_back(Make("f" + std::to_string(i), "content " + std::to_string(i)));
  service_.break_after = 5;
  service_.breaks = 2;
  Client client(globals_);
  std::map<std::string, int> results;
  const grpc::Status status =
      IngestFiles(client, plan, [&](const FoundFile& file, const v1::IngestResult&) { ++results[file.path]; });
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(results.size(), 20u);
  for (const auto& [path, count] : results) EXPECT_EQ(count, 1) << path;
  // Two breaks: at most the two documents that were in the server's hands were sent twice... and none was skipped.
  EXPECT_EQ(service_.times.size(), 20u);
  EXPECT_LE(service_.received, 20 + 2);
}

TEST_F(IngestTest, AFileThatVanishedFailsAloneAndIsNamed) {
  IngestPlan plan;
  plan.files = {{root_ + "/gone", 10}, Make("here", "text")};
  Client client(globals_);
  std::map<std::string, v1::IngestResult> results;
  const grpc::Status status =
      IngestFiles(client, plan, [&](const FoundFile& file, const v1::IngestResult& r) { results[file.path] = r; });
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(results[root_ + "/gone"].outcome(), v1::INGEST_OUTCOME_FAILED);
  EXPECT_THAT(results[root_ + "/gone"].error().message(), testing::HasSubstr("gone"));
  EXPECT_EQ(results[root_ + "/here"].outcome(), v1::INGEST_OUTCOME_ADDED);
}

TEST_F(IngestTest, AFileWhoseNameIsNoUtf8FailsAloneAndIsNamed) {
  IngestPlan plan;
  plan.files = {Make("bad-\xff-name", "text"), Make("here", "text")};
  Client client(globals_);
  std::map<std::string, v1::IngestResult> results;
  const grpc::Status status =
      IngestFiles(client, plan, [&](const FoundFile&, const v1::IngestResult& r) { results[r.uri()] = r; });
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(results[root_ + "/bad-\xef\xbf\xbd-name"].error().reason(), "INVALID_HEADER");
  EXPECT_EQ(results[root_ + "/here"].outcome(), v1::INGEST_OUTCOME_ADDED);
}

TEST_F(IngestTest, AFileAboveTheLimitFailsWithTheLimit) {
  IngestPlan plan;
  plan.max_file_bytes = 10;
  plan.files = {Make("large", "more than ten bytes")};
  Client client(globals_);
  v1::IngestResult got;
  const grpc::Status status =
      IngestFiles(client, plan, [&](const FoundFile&, const v1::IngestResult& result) { got = result; });
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(got.error().reason(), "TOO_LARGE");
}

TEST_F(IngestTest, AServerThatStaysAwayEndsInItsStatus) {
  server_->Shutdown(std::chrono::system_clock::now());
  IngestPlan plan;
  plan.retries = 1;
  plan.files = {Make("a", "text")};
  Client client(globals_);
  const grpc::Status status = IngestFiles(client, plan, [](const FoundFile&, const v1::IngestResult&) {});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace precis::cli
