// One damaged document: the others are served, it is named, and nothing of it is lost that is still there.
#include <algorithm>
#include <fstream>

#include "absl/strings/match.h"
#include "core/ids.h"
#include "core/index_impl.h"
#include "index_fixture.h"
#include "storage/keys.h"
#include "storage/store.h"

namespace precis::index {
namespace {

class DamagedTest : public IndexTest {
 protected:
  void SetUp() override {
    IndexTest::SetUp();
    Create();
    Ingest(Document("file:///good", "The harbour took ships in March."));
    Ingest(Document("file:///bad", "The harbour burned down in April."));
    Ingest(Document("file:///other", "A lighthouse stands on the cape."));
  }

  // Changes the stored value of the only row of "bad" in a family, or all of them, behind the index's back.
  void Spoil(Family family, const std::function<void(std::string*)>& change) {
    const DocumentInfo info = *index_->GetDocument("", "c", {"", "file:///bad"});
    index_.reset();
    auto store = Store::Open(folder_);
    ASSERT_TRUE(store.ok()) << store.status();
    rocksdb::WriteBatch batch;
    int rows = 0;
    ASSERT_TRUE((*store)
                    ->Scan(family, "", "", true,
                           [&](std::string_view key, std::string_view value) {
                             const std::string id =
                                 BytesOfHex(family == Family::kDocuments ? info.document_id : info.version_id);
                             if (key.find(id) == std::string_view::npos) return absl::OkStatus();
                             std::string spoiled(value);
                             change(&spoiled);
                             ++rows;
                             const rocksdb::Slice slice(key.data(), key.size());
                             if (spoiled == "DELETE") {
                               batch.Delete((*store)->family(family), slice);
                             } else {
                               batch.Put((*store)->family(family), slice, spoiled);
                             }
                             return absl::OkStatus();
                           })
                    .ok());
    ASSERT_GE(rows, 1);
    ASSERT_TRUE((*store)->Commit(&batch).ok());
  }
  int Rows(Family family) {
    auto* impl = static_cast<IndexImpl*>(index_.get());
    impl->WaitForBackgroundForTest();
    index_.reset();
    int rows = 0;
    {
      auto store = Store::Open(folder_);
      EXPECT_TRUE(store.ok()) << store.status();
      EXPECT_TRUE((*store)
                      ->Scan(family, "", "", false,
                             [&rows](std::string_view, std::string_view) {
                               ++rows;
                               return absl::OkStatus();
                             })
                      .ok());
    }
    Open();
    return rows;
  }
  void ExpectOthersServed() {
    for (const SearchMode mode : {SearchMode::kHybrid, SearchMode::kDense, SearchMode::kKeyword}) {
      const auto uris = Uris(Search(Request("harbour ships lighthouse", mode)));
      EXPECT_TRUE(std::count(uris.begin(), uris.end(), "file:///good") == 1) << static_cast<int>(mode);
      EXPECT_TRUE(std::count(uris.begin(), uris.end(), "file:///other") == 1) << static_cast<int>(mode);
      EXPECT_EQ(std::count(uris.begin(), uris.end(), "file:///bad"), 0) << static_cast<int>(mode);
    }
    const auto page = index_->ListDocuments("", "c", std::nullopt, "", 0, "");
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->documents.size(), 2u);
    EXPECT_EQ(index_->GetCollection("", "c")->documents, 2);
  }
  void ExpectNamed(const std::string& name) {
    const auto bad = index_->GetDocument("", "c", {"", "file:///bad"});
    EXPECT_TRUE(absl::IsDataLoss(bad.status())) << bad.status();
    EXPECT_TRUE(absl::StrContains(bad.status().message(), name)) << bad.status();
    EXPECT_TRUE(absl::StrContains(bad.status().message(), "index it again")) << bad.status();
    const auto stats = index_->Stats();
    ASSERT_TRUE(stats.ok()) << stats.status();
    EXPECT_EQ(stats->damaged_documents, 1);
    EXPECT_TRUE(std::any_of(stats->notices.begin(), stats->notices.end(),
                            [&](const std::string& notice) { return absl::StrContains(notice, name); }));
    EXPECT_TRUE(absl::StrContains(index_->GetCollection("", "c")->vector_index.detail, "1 document is damaged"));
    EXPECT_TRUE(absl::IsDataLoss(
        index_
            ->Export("", "c", std::nullopt, false, {},
                     [](const DocumentInfo&, std::string_view, const std::vector<ExportedChunk>&) { return true; })
            .status()));
  }
  std::string BadId() const { return DocumentId("", "c", "file:///bad"); }
};

TEST_F(DamagedTest, SpoiledVectorsTermsAndRowsSetOneDocumentAside) {
  const std::vector<std::pair<Family, std::function<void(std::string*)>>> damages = {
      {Family::kVectors, [](std::string* value) { value->resize(value->size() / 2); }},
      {Family::kVectors, [](std::string* value) { *value = "DELETE"; }},
      {Family::kTerms, [](std::string* value) { *value = "garbage"; }},
      {Family::kTerms, [](std::string* value) { value->clear(); }},
      {Family::kDocuments, [](std::string* value) { *value = "garbage"; }},
      {Family::kDocuments, [](std::string* value) { value->resize(value->size() - 3); }},
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    SCOPED_TRACE(i);
    const int texts = Rows(Family::kTexts);
    Spoil(damages[i].first, damages[i].second);
    Open();
    ExpectOthersServed();
    ExpectNamed(damages[i].first == Family::kDocuments ? BadId() : "file:///bad");
    EXPECT_EQ(Rows(Family::kTexts), texts) << "what is still there stays";
    // The way out that the message names.
    EXPECT_EQ(Ingest(Document("file:///bad", "The harbour burned down in April.")).outcome, IngestOutcome::kReplaced);
    EXPECT_EQ(index_->Stats()->damaged_documents, 0);
    EXPECT_EQ(Uris(Search(Request("burned April", SearchMode::kKeyword))), std::vector<std::string>{"file:///bad"});
    index_.reset();
    Open();
    EXPECT_EQ(index_->Stats()->damaged_documents, 0);
    EXPECT_EQ(index_->GetCollection("", "c")->documents, 3);
  }
}

TEST_F(DamagedTest, ADamagedDocumentCanBeDeletedAndReachesTheCaches) {
  ASSERT_TRUE(index_->PendingErasures("cache", 10).ok());
  Spoil(Family::kDocuments, [](std::string* value) { *value = "garbage"; });
  Open();
  const auto deleted = index_->DeleteDocument("", "c", {"", "file:///bad"});
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_TRUE(absl::IsNotFound(index_->GetDocument("", "c", {"", "file:///bad"}).status()));
  const auto pending = index_->PendingErasures("cache", 10);
  ASSERT_TRUE(pending.ok()) << pending.status();
  ASSERT_EQ(pending->size(), 1u);
  EXPECT_EQ((*pending)[0].document_id, BadId());
  EXPECT_EQ(Rows(Family::kDocuments), 2);
  EXPECT_EQ(Rows(Family::kTexts), 2) << "with every row readable again, orphans are swept";
  EXPECT_EQ(index_->Stats()->damaged_documents, 0);
}

TEST_F(DamagedTest, ADeletedCollectionErasesItsDamagedDocumentsToo) {
  ASSERT_TRUE(index_->PendingErasures("cache", 10).ok());
  Spoil(Family::kTerms, [](std::string* value) { *value = "garbage"; });
  Open();
  ASSERT_TRUE(index_->DeleteCollection("", "c").ok());
  const auto pending = index_->PendingErasures("cache", 10);
  ASSERT_TRUE(pending.ok());
  EXPECT_EQ(pending->size(), 3u);
}

TEST_F(DamagedTest, ASearchThatMeetsDamageGoesOnWithoutThatDocument) {
  const std::vector<std::pair<Family, std::function<void(std::string*)>>> damages = {
      {Family::kChunks, [](std::string* value) { *value = "DELETE"; }},
      {Family::kChunks, [](std::string* value) { *value = "garbage"; }},
      {Family::kTexts, [](std::string* value) { *value = "DELETE"; }},
      {Family::kTexts, [](std::string* value) { value->resize(5); }},
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    SCOPED_TRACE(i);
    Spoil(damages[i].first, damages[i].second);
    Open();
    EXPECT_EQ(index_->Stats()->damaged_documents, 0) << "not read at the start";
    ExpectOthersServed();
    ExpectNamed("file:///bad");
    EXPECT_EQ(Ingest(Document("file:///bad", "The harbour burned down in April.")).outcome, IngestOutcome::kReplaced);
  }
}

TEST_F(DamagedTest, ABadBlockOfTheVectorsFileDoesNotStopTheStart) {
  index_.reset();
  Open();  // what the log held is in files now
  index_.reset();
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), folder_ + "/db", &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::LiveFileMetaData> files;
  {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::OpenForReadOnly(rocksdb::DBOptions(), folder_ + "/db", families, &handles, &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    db->GetLiveFilesMetaData(&files);
    for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  }
  int spoiled = 0;
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (file.column_family_name != "vectors") continue;
    std::fstream stream(file.db_path + file.name, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(100);
    stream.put('\x5a');
    ++spoiled;
  }
  ASSERT_GE(spoiled, 1);
  Open();
  EXPECT_EQ(index_->Stats()->damaged_documents, 3) << "they share the block";
  EXPECT_TRUE(absl::IsDataLoss(index_->GetDocument("", "c", {"", "file:///good"}).status()));
  Ingest(Document("file:///good", "The harbour took ships in March."));
  EXPECT_EQ(Uris(Search(Request("harbour ships"))), std::vector<std::string>{"file:///good"});
}

TEST_F(DamagedTest, ARowOfANewerProgramIsNoDamage) {
  Spoil(Family::kDocuments, [](std::string* value) { (*value)[0] = 2; });
  const auto opened = Index::Open(Options());
  EXPECT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
}

TEST_F(IndexTest, ImpossibleNamesAreInvalidInEveryCall) {
  Create();
  for (const std::string bad : {"../etc", "a b", ".hidden", "t\xff", "x/y"}) {
    SCOPED_TRACE(bad);
    const auto expect = [&](const absl::Status& status, const char* what) {
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), "A-Z a-z 0-9 . _ -")) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), what)) << status;
    };
    for (const bool is_tenant : {true, false}) {
      const std::string tenant = is_tenant ? bad : "", name = is_tenant ? "c" : bad;
      const char* what = is_tenant ? "tenant" : "collection";
      expect(index_->GetCollection(tenant, name).status(), what);
      expect(index_->DeleteCollection(tenant, name).status(), what);
      expect(index_->ListDocuments(tenant, name, std::nullopt, "", 0, "").status(), what);
      expect(index_->GetDocument(tenant, name, {"", "u"}).status(), what);
      expect(index_->DeleteDocument(tenant, name, {"", "u"}).status(), what);
      expect(index_->DeleteDocumentsByFilter(tenant, name, {}).status(), what);
      expect(index_->ReadText(tenant, name, {"", "u"}, std::nullopt, nullptr, nullptr).status(), what);
      SearchRequest request = Request("x");
      request.tenant = tenant;
      request.collection = name;
      expect(index_->Search(request, {}).status(), what);
      expect(index_->Ingest(Document("u", "x", {}, name, tenant), {}).status(), what);
    }
    expect(index_->ListCollections(bad).status(), "tenant");
  }
  EXPECT_TRUE(absl::IsNotFound(index_->GetCollection("nobody", "c").status())) << "possible, but not there";
}

}  // namespace
}  // namespace precis::index
