// Many callers at once: every search sees one moment.
#include <atomic>
#include <thread>

#include "core/index_impl.h"
#include "gmock/gmock.h"
#include "index_fixture.h"

namespace precis::index {
namespace {

TEST_F(IndexTest, ReplacedDocumentIsAlwaysFoundOnceWhileItIsReplaced) {
  Create();
  Ingest(Document("/a", "constant words version0"));
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  std::atomic<int64_t> searches{0};
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      const SearchMode modes[] = {SearchMode::kDense, SearchMode::kKeyword};
      while (!done.load()) {
        const auto found = index_->Search(Request("constant words", modes[t], 10), {});
        ASSERT_TRUE(found.ok()) << found.status();
        ASSERT_EQ(found->passages.size(), 1u);
        ASSERT_THAT(found->passages[0].text, testing::StartsWith("constant words version"));
        ++searches;
      }
    });
  }
  for (int i = 1; i <= 60 || searches.load() < 100; ++i) {
    Ingest(Document("/a", "constant words version" + std::to_string(i)));
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
}

TEST_F(IndexTest, ManyWritersAndDeletersAgreeInTheEnd) {
  Create();
  constexpr int kThreads = 6, kDocuments = 25;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kDocuments; ++i) {
        // Some documents belong to one thread, one is fought over by all.
        const std::string uri = "/" + std::to_string(t) + "/" + std::to_string(i);
        ASSERT_TRUE(index_->Ingest(Document(uri, "own words " + uri), {}).ok());
        ASSERT_TRUE(index_->Ingest(Document("/shared", "shared words " + std::to_string(i)), {}).ok());
        if (i % 5 == 0) {
          ASSERT_TRUE(index_->DeleteDocument("", "c", {.uri = uri}).ok());
        }
        if (i % 7 == 0) {
          ASSERT_TRUE(index_->Search(Request("own words"), {}).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(index_->GetCollection("", "c")->documents, kThreads * kDocuments * 4 / 5 + 1);
    EXPECT_EQ(Search(Request("shared", SearchMode::kKeyword)).passages.size(), 1u);
    EXPECT_EQ(Search(Request("own", SearchMode::kKeyword, 1000)).passages.size(),
              static_cast<size_t>(kThreads * kDocuments * 4 / 5));
    Open();
  }
}

TEST_F(IndexTest, SameDocumentFromManyCallersIsStoredOnce) {
  Create();
  std::atomic<int> added{0}, unchanged{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const auto result = index_->Ingest(Document("/a", "the same words"), {});
      ASSERT_TRUE(result.ok()) << result.status();
      (result->outcome == IngestOutcome::kAdded ? added : unchanged)++;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(added.load(), 1);
  EXPECT_EQ(unchanged.load(), 7);
  EXPECT_EQ(Search(Request("same words")).passages.size(), 1u);
}

TEST_F(IndexTest, SweptVersionsLeaveNoRows) {
  Create();
  for (int i = 0; i < 10; ++i) Ingest(Document("/a", "words version" + std::to_string(i)));
  Ingest(Document("/b", "words"));
  ASSERT_TRUE(index_->DeleteDocument("", "c", {.uri = "/b"}).ok());
  static_cast<IndexImpl*>(index_.get())->WaitForBackgroundForTest();
  index_.reset();
  const auto store = Store::Open(folder_);
  ASSERT_TRUE(store.ok()) << store.status();
  for (Family family : {Family::kDocuments, Family::kVersions, Family::kChunks, Family::kVectors, Family::kTerms,
                        Family::kTexts, Family::kSourceMaps}) {
    int rows = 0;
    ASSERT_TRUE((*store)
                    ->Scan(family, "", "", false,
                           [&rows](std::string_view, std::string_view) {
                             ++rows;
                             return absl::OkStatus();
                           })
                    .ok());
    EXPECT_EQ(rows, 1) << static_cast<int>(family);
  }
}

}  // namespace
}  // namespace precis::index
