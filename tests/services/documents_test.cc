// CollectionService and DocumentService through the gateway.
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stack_fixture.h"

namespace precis::services {
namespace {

using DocumentsStack = Stack;

TEST_F(DocumentsStack, ADeleteReachesSearchAndBothCaches) {
  IndexThree();
  ASSERT_TRUE(Ask(channel_, Question("When was the red lighthouse built?")).status.ok());
  const auto entries = [this] {
    int64_t count = 0;
    const v1::StatsResponse stats = Stats();
    for (const v1::RoleStats& role : stats.roles()) {
      for (const v1::CacheStats& cache : role.caches()) count += cache.entry_count();
    }
    return count;
  };
  const int64_t before = entries();
  EXPECT_GT(before, 0);

  const auto stub = v1::DocumentService::NewStub(channel_);
  v1::DeleteDocumentRequest request;
  request.set_collection("docs");
  request.set_uri("/a.txt");
  request.set_request_id("delete-a");
  request.set_wait_for_erasure(true);
  v1::DeleteDocumentResponse response;
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    const grpc::Status status = stub->DeleteDocument(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_EQ(response.state(), v1::ERASURE_STATE_ERASED);
  const v1::SearchResponse found = Search("red lighthouse");
  for (const v1::Passage& passage : found.passages()) EXPECT_NE(passage.uri(), "/a.txt");
  EXPECT_LT(entries(), before);
  EXPECT_EQ(Stats().pending_erasures(), 0);
  {
    grpc::ClientContext context;
    v1::DeleteDocumentResponse again;
    EXPECT_TRUE(stub->DeleteDocument(&context, request, &again).ok()) << "a retry gets the first answer";
    EXPECT_EQ(again.sequence(), response.sequence());
  }
  request.set_request_id("another");
  grpc::ClientContext context;
  EXPECT_EQ(stub->DeleteDocument(&context, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(DocumentsStack, IngestTellsEachDocumentsOutcome) {
  ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
  const auto stub = v1::DocumentService::NewStub(channel_);
  grpc::ClientContext context;
  const auto stream = stub->IngestDocuments(&context);
  const auto send = [&](const std::string& uri, const std::string& content, int64_t size, const std::string& hash,
                        bool abandoned) {
    v1::IngestDocumentsRequest part;
    part.mutable_header()->set_collection("docs");
    part.mutable_header()->set_uri(uri);
    part.mutable_header()->set_request_id(uri);
    if (size >= 0) part.mutable_header()->set_size_bytes(size);
    part.mutable_header()->set_content_sha256(hash);
    stream->Write(part);
    part.set_content(content);
    stream->Write(part);
    part.mutable_end()->set_abandoned(abandoned);
    stream->Write(part);
  };
  send("/good.txt", "A good document.", 16, "", false);
  send("/size.txt", "short", 99, "", false);
  send("/hash.txt", "text", -1, std::string(64, '0'), false);
  send("/abandoned.txt", "text", -1, "", true);
  send("/binary.bin", std::string("\x7f\x45\x4c\x46\0\1\2\3", 8), -1, "", false);
  stream->WritesDone();
  std::map<std::string, std::string> reasons;
  v1::IngestDocumentsResponse response;
  while (stream->Read(&response)) reasons[response.result().request_id()] = response.result().error().reason();
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_EQ(reasons.size(), 5u);
  EXPECT_EQ(reasons["/good.txt"], "");
  EXPECT_EQ(reasons["/size.txt"], "SIZE_MISMATCH");
  EXPECT_EQ(reasons["/hash.txt"], "HASH_MISMATCH");
  EXPECT_EQ(reasons["/abandoned.txt"], "ABANDONED");
  EXPECT_EQ(reasons["/binary.bin"], "UNSUPPORTED_MEDIA_TYPE");
}

TEST_F(DocumentsStack, IngestRefusesPartsOutOfOrderAndUnknownCollections) {
  const auto stub = v1::DocumentService::NewStub(channel_);
  {
    grpc::ClientContext context;
    const auto stream = stub->IngestDocuments(&context);
    v1::IngestDocumentsRequest part;
    part.set_content("no header");
    stream->Write(part);
    stream->WritesDone();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  EXPECT_EQ(Ingest(channel_, "nowhere", {{"/a.txt", "text"}}).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(DocumentsStack, ManyDocumentsGoThroughOneStream) {
  ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
  std::vector<TestDocument> documents;
  for (int i = 0; i < 200; ++i) {
    documents.push_back(
        {absl::StrCat("/", i, ".txt"), absl::StrCat("Document number ", i, " about topic ", i % 7, ".")});
  }
  const Ingested ingested = Ingest(channel_, "docs", documents);
  EXPECT_TRUE(ingested.status.ok()) << ingested.status.error_message();
  EXPECT_EQ(ingested.results.size(), 200u);
  EXPECT_EQ(Stats().document_count(), 200);
}

TEST_F(DocumentsStack, ARetriedCreateIsAnsweredFromMemory) {
  EXPECT_TRUE(CreateCollection(channel_, "docs", "id").ok());
  EXPECT_TRUE(CreateCollection(channel_, "docs", "id").ok());
  EXPECT_EQ(CreateCollection(channel_, "docs", "other-id").error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(DocumentsStack, AnExportHoldsEverythingAndEndsWithASummary) {
  IndexThree();
  grpc::ClientContext context;
  v1::ExportDocumentsRequest request;
  request.set_collection("docs");
  request.set_include_text(true);
  request.set_include_vectors(true);
  const auto stream = v1::DocumentService::NewStub(channel_)->ExportDocuments(&context, request);
  v1::ExportDocumentsResponse part;
  int documents = 0, vectors = 0;
  bool summary = false;
  while (stream->Read(&part)) {
    EXPECT_FALSE(summary);
    documents += part.has_document();
    if (part.has_chunk()) vectors += part.chunk().vector_size() == 32;
    summary = part.has_summary();
  }
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_EQ(documents, 3);
  EXPECT_EQ(vectors, part.summary().chunk_count());
  EXPECT_TRUE(summary);
}

// A queue of one place, and more streams than that holds: each waits its turn, none is refused.
TEST_F(DocumentsStack, FullIngestQueuesSlowStreamsAndFailNone) {
  Start({"--queue-limit=1", "--ingest-parallel=1", "--embedder-workers=1"});
  ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
  constexpr int kStreams = 6, kDocuments = 8;
  std::vector<Ingested> ingested(kStreams);
  std::vector<std::thread> clients;
  for (int c = 0; c < kStreams; ++c) {
    clients.emplace_back([&, c] {
      std::vector<TestDocument> documents;
      for (int i = 0; i < kDocuments; ++i) {
        documents.push_back({absl::StrCat("/", c, "-", i, ".txt"), absl::StrCat("Stream ", c, " document ", i, ".")});
      }
      ingested[static_cast<size_t>(c)] = Ingest(channel_, "docs", documents);
    });
  }
  for (std::thread& client : clients) client.join();
  for (const Ingested& one : ingested) {
    EXPECT_TRUE(one.status.ok()) << one.status.error_message();
    EXPECT_EQ(one.results.size(), static_cast<size_t>(kDocuments));
    for (const v1::IngestResult& result : one.results) {
      EXPECT_EQ(result.outcome(), v1::INGEST_OUTCOME_ADDED) << result.DebugString();
    }
  }
  EXPECT_EQ(Stats().document_count(), kStreams * kDocuments);
}

TEST_F(DocumentsStack, AStreamThatWaitsForTheQueueEndsWithItsDeadline) {
  Start({"--queue-limit=1", "--ingest-parallel=1"});
  ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
  engines_->hold_embedding = true;
  const auto send = [&](const std::string& uri) {
    return std::thread([&, uri] { Ingest(channel_, "docs", {{uri, "Held."}}); });
  };
  std::thread first = send("/running.txt");
  EXPECT_TRUE(Eventually([&] { return engines_->held.load() > 0; }));
  std::thread second = send("/queued.txt");
  const auto queued = [&] {
    const v1::StatsResponse stats = Stats();
    for (const v1::RoleStats& role : stats.roles()) {
      for (const v1::QueueStats& queue : role.queues()) {
        if (queue.name() == "ingest") return queue.waiting_count();
      }
    }
    return 0;
  };
  EXPECT_TRUE(Eventually([&] { return queued() == 1; }));

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  const auto stream = v1::DocumentService::NewStub(channel_)->IngestDocuments(&context);
  v1::IngestDocumentsRequest part;
  part.mutable_header()->set_collection("docs");
  part.mutable_header()->set_uri("/late.txt");
  stream->Write(part);
  part.set_content("Too late.");
  stream->Write(part);
  part.mutable_end();
  stream->Write(part);
  stream->WritesDone();
  v1::IngestDocumentsResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(queued(), 1) << "what waits for a place is not in the queue";

  engines_->hold_embedding = false;
  first.join();
  second.join();
  EXPECT_EQ(Stats().document_count(), 2) << "the document that was given up was not stored";
}

TEST_F(DocumentsStack, LaterRpcsSaySo) {
  grpc::ClientContext context;
  v1::TuneCollectionResponse response;
  const auto stream = v1::CollectionService::NewStub(channel_)->TuneCollection(&context, {});
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("TuneCollection"));
}

}  // namespace
}  // namespace precis::services
