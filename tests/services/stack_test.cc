// All roles in one process, with fake engines, through the gateway: index, search, compress, ask, delete.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "precis/v1/admin.grpc.pb.h"
#include "precis/v1/compression.grpc.pb.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "precis/v1/generation.grpc.pb.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "precis/v1/splitting.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

class Stack : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }
  void Start(const std::vector<std::string>& flags) {
    daemon_.reset();
    auto started = StartTestDaemon(TestConfig(folder_.path(), flags), engines_);
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = *std::move(started);
    channel_ = Dial(daemon_->address());
  }

  void IndexThree() {
    ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
    const Ingested ingested = Ingest(channel_, "docs",
                                     {{"/a.txt", "The red lighthouse was built in 1893. It stands on a cliff."},
                                      {"/b.txt", "Bread needs flour, water, salt and yeast. Bake it at 230 degrees."},
                                      {"/c.txt", "A glacier moves slowly. It carries stones down the valley."}});
    ASSERT_TRUE(ingested.status.ok()) << ingested.status.error_message();
    ASSERT_EQ(ingested.results.size(), 3u);
    for (const v1::IngestResult& result : ingested.results) {
      ASSERT_EQ(result.outcome(), v1::INGEST_OUTCOME_ADDED) << result.DebugString();
    }
  }

  v1::SearchResponse Search(const std::string& query, int top_k = 3, grpc::Status* status_out = nullptr) {
    grpc::ClientContext context;
    v1::SearchRequest request;
    request.set_collection("docs");
    request.set_query(query);
    request.mutable_options()->set_top_k(top_k);
    request.mutable_options()->set_include_text(true);
    v1::SearchResponse response;
    const grpc::Status status = v1::RetrievalService::NewStub(channel_)->Search(&context, request, &response);
    if (status_out != nullptr) {
      *status_out = status;
    } else {
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
    return response;
  }

  static v1::AskRequest Question(const std::string& text) {
    v1::AskRequest request;
    request.set_collection("docs");
    request.set_question(text);
    return request;
  }

  v1::StatsResponse Stats() {
    grpc::ClientContext context;
    v1::StatsResponse response;
    const grpc::Status status = v1::AdminService::NewStub(channel_)->Stats(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  TempFolder folder_;
  std::shared_ptr<FakeEngines> engines_ = std::make_shared<FakeEngines>();
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(Stack, AnAnswerComesWithItsSourcesInOrder) {
  IndexThree();
  const Asked asked = Ask(channel_, Question("When was the red lighthouse built?"));
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_THAT(asked.answer, HasSubstr("lighthouse was built in 1893"));

  ASSERT_GE(asked.events.size(), 6u);
  EXPECT_TRUE(asked.events[0].has_plan());
  EXPECT_TRUE(asked.events[1].has_retrieved());
  EXPECT_TRUE(asked.events[2].has_receipt());
  EXPECT_TRUE(asked.events[3].has_delta());
  EXPECT_TRUE(asked.events.back().has_usage());

  const v1::AskPlan& plan = asked.events[0].plan();
  EXPECT_EQ(plan.generator_model(), "fake-generator");
  EXPECT_EQ(plan.encoder_model(), "fake-encoder");
  EXPECT_EQ(plan.search().top_k(), 10);
  EXPECT_GT(plan.steps_size(), 0);
  EXPECT_NE(plan.steps(0).method(), "auto");
  const v1::Receipt& receipt = asked.events[2].receipt().receipt();
  EXPECT_LE(receipt.tokens_out(), plan.budget_tokens());
  EXPECT_EQ(asked.events[1].retrieved().passages_size(), 3);
  EXPECT_TRUE(asked.events[1].retrieved().passages(0).text().empty()) << "texts only when asked for";

  const v1::Citation* citation = nullptr;
  for (const v1::AskResponse& event : asked.events) {
    if (event.has_citation()) citation = &event.citation();
  }
  ASSERT_NE(citation, nullptr) << asked.answer;
  EXPECT_EQ(citation->uri(), "/a.txt");
  EXPECT_EQ(citation->location().line_begin(), 1);
  EXPECT_LE(citation->answer_range().end(), static_cast<int64_t>(asked.answer.size()));
  EXPECT_EQ(asked.events.back().usage().outcomes(0), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_GT(asked.events.back().usage().tokens().completion_tokens(), 0);
}

TEST_F(Stack, SeveralQuestionsShareOneContext) {
  IndexThree();
  v1::AskRequest request = Question("When was the red lighthouse built?");
  request.add_further_questions("Where does the lighthouse stand?");
  request.add_further_questions("What is the unknown?");
  const Asked asked = Ask(channel_, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  int receipts = 0, last_question = 0;
  for (const v1::AskResponse& event : asked.events) {
    receipts += event.has_receipt();
    if (event.has_delta()) {
      EXPECT_GE(event.delta().question_index(), last_question);
      last_question = event.delta().question_index();
    }
  }
  EXPECT_EQ(receipts, 1);
  EXPECT_EQ(last_question, 2);
  const v1::AskUsage& usage = asked.events.back().usage();
  ASSERT_EQ(usage.outcomes_size(), 3);
  EXPECT_EQ(usage.outcomes(1), v1::ANSWER_OUTCOME_ANSWERED);
  EXPECT_EQ(usage.outcomes(2), v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
}

TEST_F(Stack, NothingFoundIsSaidWithoutAModel) {
  ASSERT_TRUE(CreateCollection(channel_, "docs").ok());
  const Asked asked = Ask(channel_, Question("Anything?"));
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  EXPECT_THAT(asked.answer, HasSubstr("No passage"));
  EXPECT_EQ(asked.events.back().usage().outcomes(0), v1::ANSWER_OUTCOME_INSUFFICIENT_CONTEXT);
  EXPECT_EQ(engines_->steps, 0);
}

TEST_F(Stack, TheSecondAskFindsContextAndVectorsInTheCaches) {
  IndexThree();
  v1::AskRequest request = Question("When was the red lighthouse built?");
  ASSERT_TRUE(Ask(channel_, request).status.ok());
  const Asked again = Ask(channel_, request);
  ASSERT_TRUE(again.status.ok());
  EXPECT_EQ(again.events.back().usage().context_cache_outcome(), v1::CACHE_OUTCOME_HIT);
  EXPECT_TRUE(again.events.back().usage().embedding_cache_hit());
}

TEST_F(Stack, ADeleteReachesSearchAndBothCaches) {
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

TEST_F(Stack, ACollectionOfAnotherModelIsRefused) {
  IndexThree();
  engines_->encoder_fingerprint = "fake-encoder-2";
  Start({});
  grpc::Status status;
  Search("lighthouse", 3, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("fake-encoder-1"), HasSubstr("fake-encoder-2")));
  const Ingested ingested = Ingest(channel_, "docs", {{"/d.txt", "more"}});
  EXPECT_EQ(ingested.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(Stack, ALeavingClientFreesTheGeneratorWithinAStep) {
  IndexThree();
  engines_->endless = true;
  const auto stub = v1::PipelineService::NewStub(channel_);
  grpc::ClientContext context;
  const auto stream = stub->Ask(&context, Question("When was the red lighthouse built?"));
  v1::AskResponse event;
  while (stream->Read(&event) && !event.has_delta()) {
  }
  ASSERT_TRUE(event.has_delta());
  EXPECT_EQ(engines_->generating, 1);
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return engines_->generating == 0; }));
  engines_->endless = false;
}

TEST_F(Stack, ADeadlineOfAMillisecondIsADeadline) {
  IndexThree();
  const auto stub = v1::PipelineService::NewStub(channel_);
  engines_->endless = true;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  const auto stream = stub->Ask(&context, Question("When?"));
  v1::AskResponse event;
  while (stream->Read(&event)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return engines_->generating == 0; }));
  engines_->endless = false;
}

TEST_F(Stack, QueriesHaveALimitThatIsNamed) {
  IndexThree();
  grpc::Status status;
  Search(std::string(64 << 10, 'a'), 3, &status);
  EXPECT_TRUE(status.ok()) << status.error_message();
  for (size_t bytes : {size_t{64 << 10} + 1, size_t{1} << 20}) {
    Search(std::string(bytes, 'a'), 3, &status);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr(std::to_string(bytes)), HasSubstr("65536")));
  }
  Search(" \n", 3, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Stack, MoreThanThereIsGivesAllThereIs) {
  IndexThree();
  EXPECT_EQ(Search("lighthouse", 1000).passages_size(), 3);
  grpc::Status status;
  Search("lighthouse", 1001, &status);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Stack, IngestTellsEachDocumentsOutcome) {
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

TEST_F(Stack, IngestRefusesPartsOutOfOrderAndUnknownCollections) {
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

TEST_F(Stack, ManyDocumentsGoThroughOneStream) {
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

TEST_F(Stack, ARetriedCreateIsAnsweredFromMemory) {
  EXPECT_TRUE(CreateCollection(channel_, "docs", "id").ok());
  EXPECT_TRUE(CreateCollection(channel_, "docs", "id").ok());
  EXPECT_EQ(CreateCollection(channel_, "docs", "other-id").error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(Stack, EmbeddingErrorsBelongToTheirItems) {
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

TEST_F(Stack, CompressingAStreamEqualsCompressingAMessage) {
  const auto stub = v1::CompressionService::NewStub(channel_);
  v1::CompressRequest request;
  request.mutable_options()->set_budget_tokens(24);
  request.set_query("lighthouse");
  for (int i = 0; i < 4; ++i) {
    request.add_passages()->set_text(
        absl::StrCat("The lighthouse number ", i, " is old. It has a lamp. Nobody lives there."));
  }
  v1::CompressResponse whole;
  {
    grpc::ClientContext context;
    const grpc::Status status = stub->Compress(&context, request, &whole);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_LE(whole.receipt().tokens_out(), 24);
  grpc::ClientContext context;
  const auto stream = stub->CompressStream(&context);
  v1::CompressStreamRequest part;
  *part.mutable_start() = request;
  part.mutable_start()->clear_passages();
  stream->Write(part);
  for (const v1::Passage& passage : request.passages()) {
    part.mutable_passage()->set_text(passage.text().substr(0, 10));
    stream->Write(part);
    part.set_text(passage.text().substr(10));
    stream->Write(part);
  }
  stream->WritesDone();
  v1::CompressStreamResponse event;
  v1::CompressResponse streamed;
  while (stream->Read(&event)) {
    if (event.has_result()) streamed = event.result();
  }
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_EQ(streamed.context().text(), whole.context().text());
}

TEST_F(Stack, PiecesCoverTheText) {
  grpc::ClientContext context;
  v1::SplitRequest request;
  std::string text;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&text, "Sentence number ", i, " is here.\n");
  request.set_text(text);
  request.mutable_parameters()->set_max_tokens(32);
  request.mutable_parameters()->set_overlap_tokens(0);
  request.set_include_text(true);
  v1::SplitResponse response;
  const grpc::Status status = v1::SplittingService::NewStub(channel_)->Split(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_GT(response.pieces_size(), 3);
  EXPECT_EQ(response.pieces(0).location().line_begin(), 1);
  EXPECT_EQ(response.pieces(response.pieces_size() - 1).location().line_end(), 60);
}

TEST_F(Stack, ModelsAreListedLoadedAndFreed) {
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

TEST_F(Stack, AnIdleModelIsFreed) {
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

TEST_F(Stack, AnExportHoldsEverythingAndEndsWithASummary) {
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

TEST_F(Stack, ImpossibleTenantsAreInvalidInEveryService) {
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

// A queue of one place, and more streams than that holds: each waits its turn, none is refused.
TEST_F(Stack, FullIngestQueuesSlowStreamsAndFailNone) {
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

TEST_F(Stack, AStreamThatWaitsForTheQueueEndsWithItsDeadline) {
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

TEST_F(Stack, AQuestionTakesOnePlaceInEachQueue) {
  // Each executor takes three calls: two work, one waits.
  Start({"--queue-limit=1", "--retriever-workers=2", "--compressor-workers=2"});
  IndexThree();
  std::vector<std::thread> clients;
  for (int c = 0; c < 3; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const Asked asked = Ask(channel_, Question("When was the lighthouse built?"));
        EXPECT_TRUE(asked.status.ok()) << asked.status.error_message();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  const v1::StatsResponse stats = Stats();
  for (const v1::RoleStats& role : stats.roles()) {
    for (const v1::QueueStats& queue : role.queues()) EXPECT_EQ(queue.rejected_count(), 0) << queue.name();
  }
}

TEST_F(Stack, ARefreshedVectorIsStored) {
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

TEST_F(Stack, StatsNameEveryRole) {
  const v1::StatsResponse stats = Stats();
  ASSERT_EQ(stats.roles_size(), 5);
  for (const v1::RoleStats& role : stats.roles()) {
    EXPECT_TRUE(role.reachable()) << role.DebugString();
    EXPECT_FALSE(role.detail().empty());
    EXPECT_GT(role.resident_bytes(), 0);
    EXPECT_THAT(role.instruction_set(), ::testing::AnyOf("scalar", "avx2", "avx512", "avx512_vnni"));
  }
}

TEST_F(Stack, LaterRpcsSaySo) {
  grpc::ClientContext context;
  v1::TuneCollectionResponse response;
  const auto stream = v1::CollectionService::NewStub(channel_)->TuneCollection(&context, {});
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("TuneCollection"));
}

}  // namespace
}  // namespace precis::services
