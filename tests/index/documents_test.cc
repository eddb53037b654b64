// Documents in, replaced, deleted, listed, exported: what an answer promises is so, also after a restart.
#include <map>

#include "gmock/gmock.h"
#include "index_fixture.h"
#include "precis/base/hash.h"

namespace precis::index {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(IndexTest, IngestedDocumentIsFoundAtOnceInEveryMode) {
  Create();
  const IngestResult result = Ingest(Document("/a.txt", "the quick brown fox"));
  EXPECT_EQ(result.outcome, IngestOutcome::kAdded);
  EXPECT_EQ(result.chunks, 1);
  Ingest(Document("/b.txt", "an entirely different matter"));
  for (SearchMode mode : {SearchMode::kHybrid, SearchMode::kDense, SearchMode::kKeyword}) {
    const SearchResult found = Search(Request("brown fox", mode));
    ASSERT_FALSE(found.passages.empty());
    const Passage& first = found.passages[0];
    EXPECT_EQ(first.uri, "/a.txt");
    EXPECT_EQ(first.text, "the quick brown fox");
    EXPECT_EQ(first.text_hash, Sha256Hex(first.text));
    EXPECT_EQ(first.document_id, result.document_id);
    EXPECT_EQ(first.version_id, result.version_id);
    EXPECT_GE(found.report.read_epoch, result.sequence);
  }
}

TEST_F(IndexTest, SameVersionIsSkippedWithoutEmbeddingAndAnotherReplaces) {
  Create();
  const IngestResult first = Ingest(Document("/a.txt", "alpha beta"));
  const int64_t embedded = encoder_->embedded();
  const IngestResult again = Ingest(Document("/a.txt", "alpha beta"));
  EXPECT_EQ(again.outcome, IngestOutcome::kUnchanged);
  EXPECT_EQ(again.version_id, first.version_id);
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(encoder_->embedded(), embedded);

  const IngestResult other = Ingest(Document("/a.txt", "gamma delta"));
  EXPECT_EQ(other.outcome, IngestOutcome::kReplaced);
  EXPECT_EQ(other.document_id, first.document_id);
  EXPECT_NE(other.version_id, first.version_id);
  EXPECT_GT(other.sequence, first.sequence);
  EXPECT_THAT(Search(Request("alpha beta", SearchMode::kKeyword)).passages, IsEmpty());
  EXPECT_THAT(Uris(Search(Request("alpha beta"))), ElementsAre("/a.txt"));

  const IngestResult metadata = Ingest(Document("/a.txt", "gamma delta", {{"k", std::string("v")}}));
  EXPECT_EQ(metadata.outcome, IngestOutcome::kReplaced);
}

TEST_F(IndexTest, EqualBytesAtTwoUrisAreTwoDocuments) {
  Create();
  const IngestResult a = Ingest(Document("/a.txt", "same words"));
  const IngestResult b = Ingest(Document("/b.txt", "same words"));
  EXPECT_EQ(b.outcome, IngestOutcome::kAdded);
  EXPECT_NE(a.document_id, b.document_id);
  EXPECT_THAT(Uris(Search(Request("same words"))), UnorderedElementsAre("/a.txt", "/b.txt"));
}

TEST_F(IndexTest, DeletedDocumentIsGoneEverywhereAndInTheOutbox) {
  Create();
  const IngestResult a = Ingest(Document("/a.txt", "secret words"));
  Ingest(Document("/b.txt", "other words"));
  ASSERT_THAT(*index_->PendingErasures("cache", 10), IsEmpty());
  const auto deleted = index_->DeleteDocument("", "c", {.uri = "/a.txt"});
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(deleted->document_ids, ElementsAre(a.document_id));
  for (int round = 0; round < 2; ++round) {
    for (SearchMode mode : {SearchMode::kHybrid, SearchMode::kDense, SearchMode::kKeyword}) {
      EXPECT_THAT(Uris(Search(Request("secret words", mode))), ElementsAre("/b.txt"));
    }
    EXPECT_TRUE(absl::IsNotFound(index_->GetDocument("", "c", {.uri = "/a.txt"}).status()));
    EXPECT_TRUE(absl::IsNotFound(index_->ReadText("", "c", {.uri = "/a.txt"}, {}, nullptr, nullptr).status()));
    const auto pending = index_->PendingErasures("cache", 10);
    ASSERT_EQ(pending->size(), 1u);
    EXPECT_EQ((*pending)[0].document_id, a.document_id);
    EXPECT_EQ((*pending)[0].delete_epoch, deleted->sequence);
    EXPECT_FALSE(*index_->ErasedUpTo(deleted->sequence));
    Open();
  }
  EXPECT_TRUE(absl::IsNotFound(index_->DeleteDocument("", "c", {.uri = "/a.txt"}).status()));
  ASSERT_TRUE(index_->AcknowledgeErasures("cache", deleted->sequence).ok());
  EXPECT_TRUE(*index_->ErasedUpTo(deleted->sequence));
  EXPECT_THAT(*index_->PendingErasures("cache", 10), IsEmpty());
  EXPECT_FALSE(index_->AcknowledgeErasures("cache", deleted->sequence + 100).ok());
}

TEST_F(IndexTest, ReplacingPutsTheOldVersionIntoTheOutbox) {
  Create();
  const IngestResult first = Ingest(Document("/a.txt", "old"));
  const IngestResult second = Ingest(Document("/a.txt", "new"));
  const auto pending = index_->PendingErasures("cache", 10);
  ASSERT_EQ(pending->size(), 1u);
  EXPECT_EQ((*pending)[0].document_id, first.document_id);
  EXPECT_EQ((*pending)[0].delete_epoch, second.sequence);
}

TEST_F(IndexTest, OutboxWaitsForEveryConsumerAndGivesAtMostTheLimit) {
  Create();
  for (int i = 0; i < 5; ++i) Ingest(Document("/" + std::to_string(i), "words"));
  ASSERT_TRUE(index_->PendingErasures("one", 1).ok());
  ASSERT_TRUE(index_->PendingErasures("two", 1).ok());
  const auto deleted = index_->DeleteDocumentsByFilter("", "c", {});
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->document_ids.size(), 5u);
  std::set<std::string> seen;
  for (int round = 0; round < 3; ++round) {
    const auto pending = index_->PendingErasures("one", 2);
    EXPECT_EQ(pending->size(), round == 2 ? 1u : 2u);
    for (const ErasureRecord& record : *pending) seen.insert(record.document_id);
    ASSERT_TRUE(index_->AcknowledgeErasures("one", pending->back().delete_epoch).ok());
  }
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_FALSE(*index_->ErasedUpTo(deleted->sequence));
  EXPECT_EQ(index_->PendingErasures("two", 100)->size(), 5u);
  EXPECT_EQ(index_->Stats()->erasures_pending, 5);
  ASSERT_TRUE(index_->AcknowledgeErasures("two", deleted->sequence).ok());
  EXPECT_TRUE(*index_->ErasedUpTo(deleted->sequence));
}

TEST_F(IndexTest, DeleteByFilterHonoursItsBounds) {
  Create();
  for (int i = 0; i < 6; ++i) Ingest(Document("/" + std::to_string(i), "words", {{"n", int64_t{i}}}));
  DeleteByFilterOptions options;
  options.filter.kind = Filter::Kind::kRange;
  options.filter.field = "n";
  options.filter.minimum = {int64_t{2}};
  options.dry_run = true;
  EXPECT_EQ(index_->DeleteDocumentsByFilter("", "c", options)->document_ids.size(), 4u);
  options.dry_run = false;
  options.max_documents = 3;
  const auto refused = index_->DeleteDocumentsByFilter("", "c", options);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_EQ(index_->GetCollection("", "c")->documents, 6);
  options.max_documents = 0;
  options.max_sequence = index_->GetDocument("", "c", {.uri = "/4"})->sequence;
  EXPECT_EQ(index_->DeleteDocumentsByFilter("", "c", options)->document_ids.size(), 3u);
  EXPECT_TRUE(index_->GetDocument("", "c", {.uri = "/5"}).ok());
  EXPECT_FALSE(index_->GetDocument("", "c", {.uri = "/4"}).ok());
}

TEST_F(IndexTest, ReopenedIndexAnswersTheSame) {
  Create();
  for (int i = 0; i < 50; ++i) {
    Ingest(Document("/" + std::to_string(i % 30), "word" + std::to_string(i) + " shared text", {{"n", int64_t{i}}}));
  }
  ASSERT_TRUE(index_->DeleteDocument("", "c", {.uri = "/7"}).ok());
  const SearchResult before = Search(Request("shared word42", SearchMode::kHybrid, 40));
  const CollectionInfo info = *index_->GetCollection("", "c");
  Open();
  const SearchResult after = Search(Request("shared word42", SearchMode::kHybrid, 40));
  ASSERT_EQ(after.passages.size(), 29u);
  ASSERT_EQ(before.passages.size(), after.passages.size());
  for (size_t i = 0; i < before.passages.size(); ++i) {
    EXPECT_EQ(before.passages[i].chunk_id, after.passages[i].chunk_id);
    EXPECT_EQ(before.passages[i].scores.fused, after.passages[i].scores.fused);
    EXPECT_EQ(before.passages[i].metadata, after.passages[i].metadata);
  }
  const CollectionInfo again = *index_->GetCollection("", "c");
  EXPECT_EQ(again.documents, 29);
  EXPECT_EQ(again.sequence, info.sequence);
  EXPECT_EQ(again.tokens, info.tokens);
  EXPECT_EQ(again.options.max_tokens, info.options.max_tokens);
}

TEST_F(IndexTest, ADocumentIsDescribedTheSameAfterARestart) {
  Create();
  Ingest(Document("file:///first", "One."));
  DocumentInput input =
      Document("file:///second", "Two, with everything.",
               {{"s", std::string("x")}, {"i", int64_t{-3}}, {"d", 0.5}, {"b", true}, {"l", StringList{"p", "q"}}});
  input.title = "A title";
  Ingest(input);
  const DocumentInfo before = *index_->GetDocument("", "c", {"", "file:///second"});
  EXPECT_EQ(before.sequence, index_->GetCollection("", "c")->sequence);
  Open();
  const DocumentInfo after = *index_->GetDocument("", "c", {"", "file:///second"});
  EXPECT_EQ(after.document_id, before.document_id);
  EXPECT_EQ(after.version_id, before.version_id);
  EXPECT_EQ(after.title, "A title");
  EXPECT_EQ(after.media_type, before.media_type);
  EXPECT_EQ(after.metadata, before.metadata);
  EXPECT_EQ(after.original_bytes, before.original_bytes);
  EXPECT_EQ(after.content_sha256, before.content_sha256);
  EXPECT_EQ(after.text_bytes, before.text_bytes);
  EXPECT_EQ(after.chunks, before.chunks);
  EXPECT_EQ(after.tokens, before.tokens);
  EXPECT_EQ(after.ingested_unix_ms, before.ingested_unix_ms);
  EXPECT_EQ(after.sequence, before.sequence);
  EXPECT_EQ(after.warnings, before.warnings);
  // What a prune after a restart relies on.
  DeleteByFilterOptions options;
  options.max_sequence = before.sequence - 1;
  EXPECT_EQ(index_->DeleteDocumentsByFilter("", "c", options)->document_ids.size(), 1u);
  EXPECT_TRUE(index_->GetDocument("", "c", {"", "file:///second"}).ok());
}

TEST_F(IndexTest, SecondServerOnTheFolderIsRefusedByName) {
  const auto second = Index::Open(Options());
  ASSERT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(folder_));
}

TEST_F(IndexTest, AnotherEncoderIsRefusedWithBothFingerprints) {
  Create();
  Ingest(Document("/a", "words"));
  encoder_ = std::make_shared<FakeEncoder>(FakeEncoderOptions{.fingerprint = "other-fingerprint"});
  Open();
  const auto found = index_->Search(Request("words"), {});
  ASSERT_TRUE(absl::IsFailedPrecondition(found.status())) << found.status();
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("other-fingerprint"));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("fake-fingerprint"));
  EXPECT_TRUE(absl::IsFailedPrecondition(index_->Ingest(Document("/b", "words"), {}).status()));
  EXPECT_THAT(Uris(Search(Request("words", SearchMode::kKeyword))), ElementsAre("/a"));
}

TEST_F(IndexTest, PagesCoverTheListOnceAndTokensAreBoundToIt) {
  Create();
  for (int i = 0; i < 25; ++i) {
    Ingest(Document((i % 2 ? "/odd/" : "/even/") + std::to_string(i), "words", {{"n", int64_t{i}}}));
  }
  std::vector<std::string> uris;
  std::string token;
  do {
    const auto page = index_->ListDocuments("", "c", {}, "", 4, token);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const DocumentInfo& info : page->documents) uris.push_back(info.uri);
    token = page->next_page_token;
  } while (!token.empty());
  EXPECT_EQ(uris.size(), 25u);
  EXPECT_TRUE(std::is_sorted(uris.begin(), uris.end()));

  const auto odd = index_->ListDocuments("", "c", {}, "/odd/", 12, "");
  EXPECT_EQ(odd->documents.size(), 12u);
  EXPECT_EQ(odd->next_page_token, "");
  token = index_->ListDocuments("", "c", {}, "/odd/", 4, "")->next_page_token;
  EXPECT_TRUE(absl::IsInvalidArgument(index_->ListDocuments("", "c", {}, "/even/", 4, token).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(index_->ListDocuments("", "c", {}, "", 4, "nonsense").status()));
  token[token.size() / 2] = token[token.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_TRUE(absl::IsInvalidArgument(index_->ListDocuments("", "c", {}, "", 4, token).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(index_->ListDocuments("", "c", {}, "", 1001, "").status()));
}

TEST_F(IndexTest, ExportGivesTextChunksAndVectors) {
  Create();
  std::map<std::string, std::string> texts = {{"/a", "one two three"}, {"/b", "four five"}};
  for (const auto& [uri, text] : texts) Ingest(Document(uri, text));
  std::vector<std::string> uris;
  const auto epoch =
      index_->Export("", "c", {}, true, {},
                     [&](const DocumentInfo& info, std::string_view text, const std::vector<ExportedChunk>& chunks) {
                       uris.push_back(info.uri);
                       EXPECT_EQ(text, texts[info.uri]);
                       EXPECT_EQ(chunks.size(), 1u);
                       EXPECT_EQ(chunks[0].vector.size(), 64u);
                       EXPECT_EQ(Slice(text, chunks[0].range), texts[info.uri]);
                       // A writer in the middle of an export is not kept out, and not seen.
                       Ingest(Document("/b", "changed meanwhile"));
                       Ingest(Document("/c", "new meanwhile"));
                       return true;
                     });
  ASSERT_TRUE(epoch.ok()) << epoch.status();
  EXPECT_THAT(uris, ElementsAre("/a", "/b"));
}

TEST_F(IndexTest, TextIsReadInPartsAndCutAtCharacters) {
  Create();
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "w\xc3\xb6rd ";
  Ingest(Document("/a", text));
  const auto all = index_->ReadText("", "c", {.uri = "/a"}, {}, nullptr, nullptr);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->size(), text.size());
  ByteRange actual;
  SourceLocation location;
  const auto part = index_->ReadText("", "c", {.uri = "/a"}, ByteRange{2, 8}, &actual, &location);
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(actual, (ByteRange{3, 7}));
  EXPECT_EQ(*part, "rd w");
  const auto middle = index_->ReadText("", "c", {.uri = "/a"}, ByteRange{60'000, 70'000}, &actual, nullptr);
  EXPECT_EQ(*middle, text.substr(static_cast<size_t>(actual.begin), static_cast<size_t>(actual.size())));
  const auto outside =
      index_->ReadText("", "c", {.uri = "/a"}, ByteRange{0, static_cast<int64_t>(text.size()) + 1}, nullptr, nullptr);
  EXPECT_TRUE(absl::IsInvalidArgument(outside.status()));
}

TEST_F(IndexTest, TenantsDoNotSeeEachOther) {
  Create("c", "one");
  Create("c", "two");
  Ingest(Document("/a", "shared words", {}, "c", "one"));
  SearchRequest request = Request("shared words");
  request.tenant = "two";
  EXPECT_THAT(Search(request).passages, IsEmpty());
  request.tenant = "one";
  EXPECT_THAT(Uris(Search(request)), ElementsAre("/a"));
  request.tenant = "three";
  EXPECT_TRUE(absl::IsNotFound(index_->Search(request, {}).status()));
  EXPECT_FALSE(index_->GetDocument("two", "c", {.uri = "/a"}).ok());
  EXPECT_EQ(index_->ListCollections("one")->size(), 1u);
  for (const std::string& no_tenant : {std::string("a\nb"), std::string(1000, 'a'), std::string("../a")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(index_->ListCollections(no_tenant).status())) << no_tenant;
  }
  EXPECT_THAT(*index_->ListCollections(""), IsEmpty());
  // The same URI in two tenants is two documents: neither's erasure touches the other's caches.
  const IngestResult other = Ingest(Document("/a", "shared words", {}, "c", "two"));
  EXPECT_NE(other.document_id, index_->GetDocument("one", "c", {.uri = "/a"})->document_id);
}

TEST_F(IndexTest, DeletedCollectionComesBackEmptyAlsoAfterRestart) {
  Create();
  const IngestResult old = Ingest(Document("/a", "old words"));
  const auto deleted = index_->DeleteCollection("", "c");
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(deleted->document_ids, ElementsAre(old.document_id));
  EXPECT_TRUE(absl::IsNotFound(index_->GetCollection("", "c").status()));
  EXPECT_TRUE(absl::IsNotFound(index_->Ingest(Document("/a", "old words"), {}).status()));
  Create();
  EXPECT_THAT(Search(Request("old words")).passages, IsEmpty());
  EXPECT_EQ(Ingest(Document("/a", "old words")).outcome, IngestOutcome::kAdded);
  Open();
  EXPECT_EQ(index_->GetCollection("", "c")->documents, 1);
  EXPECT_EQ(Search(Request("old words")).passages.at(0).text, "old words");
}

TEST_F(IndexTest, BadInputEndsInOneSentenceWithTheLimit) {
  Create();
  const auto message = [](const absl::Status& status) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(message(index_->Search(Request(""), {}).status()), HasSubstr("empty"));
  EXPECT_THAT(message(index_->Search(Request(" \n\t"), {}).status()), HasSubstr("empty"));
  EXPECT_THAT(message(index_->Search(Request(std::string(1 << 20, 'a')), {}).status()), HasSubstr("65536"));
  EXPECT_THAT(message(index_->Search(Request("a", SearchMode::kDense, 0), {}).status()), HasSubstr("top_k"));
  EXPECT_THAT(message(index_->Search(Request("a", SearchMode::kDense, 1001), {}).status()), HasSubstr("1000"));
  EXPECT_THAT(message(index_->Search(Request("\xff"), {}).status()), HasSubstr("UTF-8"));
  EXPECT_THAT(message(index_->Ingest(Document("", "words"), {}).status()), HasSubstr("4096"));
  EXPECT_THAT(message(index_->Ingest(Document(std::string(4097, 'u'), "words"), {}).status()), HasSubstr("4097"));
  EXPECT_THAT(message(index_->Ingest(Document("/a", "words", {{"$a", true}}), {}).status()), HasSubstr("'$a'"));
  EXPECT_THAT(message(index_->GetDocument("", "c", {}).status()), HasSubstr("id or"));
  CollectionOptions options;
  for (const char* name : {"", ".hidden", "a/b", "a b"}) {
    options.name = name;
    EXPECT_THAT(message(index_->CreateCollection(options).status()), HasSubstr("128"));
  }
  options.name = "big";
  options.max_tokens = 511;
  EXPECT_THAT(message(index_->CreateCollection(options).status()), HasSubstr("510"));
  options.name = "c";
  options.max_tokens = 0;
  EXPECT_TRUE(absl::IsAlreadyExists(index_->CreateCollection(options).status()));
  EXPECT_TRUE(absl::IsNotFound(index_->GetCollection("", "none").status()));
  // More than there are: all there are.
  Ingest(Document("/a", "words"));
  EXPECT_EQ(Search(Request("words", SearchMode::kHybrid, 1000)).passages.size(), 1u);
}

TEST_F(IndexTest, CancelledCallStoresNothing) {
  Create();
  const CallContext call = CallContext::Make();
  call.Cancel();
  EXPECT_TRUE(absl::IsCancelled(index_->Ingest(Document("/a", "words"), call).status()));
  EXPECT_TRUE(absl::IsCancelled(index_->Search(Request("words"), call).status()));
  EXPECT_EQ(index_->GetCollection("", "c")->documents, 0);
}

}  // namespace
}  // namespace precis::index
