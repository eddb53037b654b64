// What searches find: filters, fusion, graphs, and the same answers whatever the indexes went through.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "core/index_impl.h"
#include "gmock/gmock.h"
#include "index_fixture.h"
#include "precis/text/analyzer.h"
#include "precis/text/bm25.h"

namespace precis::index {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Filter Leaf(Filter::Kind kind, std::string field, std::vector<MetadataValue> values) {
  Filter filter;
  filter.kind = kind;
  filter.field = std::move(field);
  filter.values = std::move(values);
  return filter;
}

Filter RandomFilter(std::mt19937* rng, int depth) {
  const auto pick = [rng](int n) { return static_cast<int>((*rng)() % static_cast<uint32_t>(n)); };
  if (depth > 0 && pick(2) == 0) {
    Filter filter;
    filter.kind =
        std::array{Filter::Kind::kAllOf, Filter::Kind::kAnyOf, Filter::Kind::kNot}[static_cast<size_t>(pick(3))];
    for (int i = filter.kind == Filter::Kind::kNot ? 1 : 1 + pick(3); i > 0; --i) {
      filter.children.push_back(RandomFilter(rng, depth - 1));
    }
    return filter;
  }
  switch (pick(6)) {
    case 0:
      return Leaf(Filter::Kind::kEquals, "group", {std::string(1, static_cast<char>('a' + pick(5)))});
    case 1:
      return Leaf(Filter::Kind::kIn, "n", {int64_t{pick(300)}, int64_t{pick(300)}, int64_t{pick(300)}});
    case 2: {
      Filter filter = Leaf(Filter::Kind::kRange, "n", {});
      filter.minimum = {static_cast<double>(pick(300))};
      if (pick(2) == 0) filter.maximum = {int64_t{pick(300)}};
      return filter;
    }
    case 3:
      return Leaf(Filter::Kind::kPrefix, "$uri", {"/" + std::to_string(pick(30))});
    case 4:
      return Leaf(Filter::Kind::kExists, "rare", {});
    default:
      return Leaf(Filter::Kind::kEquals, "tags", {std::string(1, static_cast<char>('x' + pick(3)))});
  }
}

// Documents about one of some topics: texts of one topic share most of their words, so that vectors form clusters.
std::string TopicText(std::mt19937* rng, int topics) {
  const int topic = static_cast<int>((*rng)() % static_cast<uint32_t>(topics));
  std::string text;
  for (int i = 0; i < 12; ++i) text += "topic" + std::to_string(topic) + "x" + std::to_string((*rng)() % 8) + " ";
  for (int i = 0; i < 6; ++i) text += "word" + std::to_string((*rng)() % 5000) + " ";
  return text;
}

class SearchTest : public IndexTest {
 protected:
  void IngestTopics(int documents, uint32_t seed) {
    // Several callers share a sync.
    constexpr int kThreads = 16;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([=, this] {
        for (int i = t; i < documents; i += kThreads) {
          std::mt19937 rng(seed + static_cast<uint32_t>(i));
          Ingest(Document("/" + std::to_string(i), TopicText(&rng, 40)));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  void Settle() { static_cast<IndexImpl*>(index_.get())->WaitForBackgroundForTest(); }
  // Share of the exact nearest ten that are among the ten found.
  double Recall(int queries) {
    std::mt19937 rng(99);
    int hits = 0, wanted = 0;
    for (int q = 0; q < queries; ++q) {
      SearchRequest request = Request(TopicText(&rng, 40), SearchMode::kDense, 10);
      const SearchResult found = Search(request);
      EXPECT_FALSE(found.report.exact);
      // As many as there are candidates are compared exactly.
      request.dense_candidates = 10'000;
      const SearchResult exact = Search(request);
      EXPECT_TRUE(exact.report.exact);
      std::set<std::string> ids;
      for (const Passage& passage : found.passages) ids.insert(passage.chunk_id);
      for (const Passage& passage : exact.passages) {
        ++wanted;
        hits += ids.contains(passage.chunk_id) ? 1 : 0;
      }
    }
    return static_cast<double>(hits) / wanted;
  }
};

TEST_F(SearchTest, IfKDocumentsMatchTheFilterKComeBack) {
  Create();
  std::mt19937 rng(7);
  std::map<std::string, DocumentInfo> all;
  for (int i = 0; i < 300; ++i) {
    Metadata metadata = {{"n", int64_t{i}}, {"group", std::string(1, static_cast<char>('a' + i % 5))}};
    if (i % 50 == 0) metadata["rare"] = true;
    if (i % 3 == 0) metadata["tags"] = StringList{"x", i % 2 ? "y" : "z"};
    Ingest(Document("/" + std::to_string(i), TopicText(&rng, 40) + " common", metadata));
  }
  for (int i = 0; i < 300; i += 4) ASSERT_TRUE(index_->DeleteDocument("", "c", {.uri = "/" + std::to_string(i)}).ok());
  DocumentPage page = *index_->ListDocuments("", "c", {}, "", 1000, "");
  for (DocumentInfo& info : page.documents) all[info.document_id] = info;
  ASSERT_EQ(all.size(), 225u);

  for (int round = 0; round < 200; ++round) {
    const Filter filter = RandomFilter(&rng, 3);
    ASSERT_TRUE(ValidateFilter(filter).ok());
    std::set<std::string> matching;
    for (const auto& [id, info] : all) {
      const FilterSubject subject{&info.document_id,     &info.uri,     &info.title, &info.media_type, &info.language,
                                  info.ingested_unix_ms, &info.metadata};
      if (Matches(filter, subject)) matching.insert(id);
    }
    const int k = 1 + static_cast<int>(rng() % 40);
    for (SearchMode mode : {SearchMode::kDense, SearchMode::kKeyword, SearchMode::kHybrid}) {
      SearchRequest request = Request("common " + TopicText(&rng, 40), mode, k);
      request.filter = filter;
      const SearchResult found = Search(request);
      EXPECT_EQ(found.passages.size(), std::min(static_cast<size_t>(k), matching.size()));
      for (const Passage& passage : found.passages) EXPECT_TRUE(matching.contains(passage.document_id));
    }
    EXPECT_EQ(index_->ListDocuments("", "c", filter, "", 1000, "")->documents.size(), matching.size());
  }
}

TEST_F(SearchTest, KeywordScoresAreBm25OfTheLiveSet) {
  Create();
  std::map<std::string, std::string> texts;
  std::mt19937 rng(3);
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (uint32_t n = 3 + rng() % 20; n > 0; --n) text += "term" + std::to_string(rng() % 30) + " ";
    const std::string uri = "/" + std::to_string(i % 50);  // ten are replaced
    Ingest(Document(uri, text));
    texts[uri] = text;
  }
  for (int i = 20; i < 30; ++i) {
    ASSERT_TRUE(index_->DeleteDocument("", "c", {.uri = "/" + std::to_string(i)}).ok());
    texts.erase("/" + std::to_string(i));
  }
  std::vector<std::string_view> live;
  std::vector<std::string> uris;
  for (const auto& [uri, text] : texts) {
    live.push_back(text);
    uris.push_back(uri);
  }
  const std::string query = "term1 term7 term29 absent";
  const std::vector<double> reference = text::Bm25Scores(query, live);
  std::map<std::string, double> scores;
  for (const Passage& passage : Search(Request(query, SearchMode::kKeyword, 1000)).passages) {
    scores[passage.uri] = *passage.scores.keyword;
    EXPECT_EQ(passage.scores.fused, *passage.scores.keyword);
  }
  for (size_t i = 0; i < live.size(); ++i) {
    EXPECT_NEAR(scores[uris[i]], reference[i], 1e-9) << uris[i];
  }
}

TEST_F(SearchTest, HybridIsFusedByReciprocalRankAndDeterministic) {
  Create();
  IngestTopics(200, 5);
  // Equal texts have equal scores: the order must still be one.
  for (int i = 0; i < 20; ++i) Ingest(Document("/twin" + std::to_string(i), "exactly the same words topic1x1"));
  const SearchRequest request = Request("same words topic1x1 topic1x2", SearchMode::kHybrid, 30);
  const SearchResult first = Search(request);
  ASSERT_EQ(first.passages.size(), 30u);
  for (const Passage& passage : first.passages) {
    const PassageScores& s = passage.scores;
    const double fused =
        (s.dense_rank > 0 ? 1.0 / (60 + s.dense_rank) : 0) + (s.keyword_rank > 0 ? 1.0 / (60 + s.keyword_rank) : 0);
    EXPECT_NEAR(s.fused, fused, 1e-12);
    EXPECT_EQ(s.dense_rank > 0, s.dense.has_value());
  }
  for (int round = 0; round < 3; ++round) {
    const SearchResult again = Search(request);
    ASSERT_EQ(again.passages.size(), first.passages.size());
    for (size_t i = 0; i < first.passages.size(); ++i) {
      EXPECT_EQ(again.passages[i].chunk_id, first.passages[i].chunk_id);
    }
    Open();
  }
}

TEST_F(SearchTest, DenseScoresAreCosines) {
  Create();
  IngestTopics(30, 5);
  const auto query = encoder_->Embed(std::vector<std::string_view>{"topic3x1 topic3x2"}, {}, {});
  std::map<std::string, double> cosines;
  ASSERT_TRUE(index_
                  ->Export("", "c", {}, true, {},
                           [&](const DocumentInfo& info, std::string_view, const std::vector<ExportedChunk>& chunks) {
                             double dot = 0;
                             for (size_t d = 0; d < 64; ++d) dot += (*query)[0].vector[d] * chunks[0].vector[d];
                             cosines[info.uri] = dot;
                             return true;
                           })
                  .ok());
  const SearchResult found = Search(Request("topic3x1 topic3x2", SearchMode::kDense, 30));
  ASSERT_EQ(found.passages.size(), 30u);
  EXPECT_TRUE(found.report.exact);
  double last = 2;
  for (const Passage& passage : found.passages) {
    EXPECT_NEAR(*passage.scores.dense, cosines[passage.uri], 1e-5);
    EXPECT_LE(*passage.scores.dense, last);
    last = *passage.scores.dense;
  }
}

TEST_F(SearchTest, LongQueryIsPooledAndFlagged) {
  Create();
  Ingest(Document("/a", "words"));
  std::string query;
  for (int i = 0; i < 1000; ++i) query += "word ";
  EXPECT_TRUE(Search(Request(query)).report.query_pooled);
  EXPECT_FALSE(Search(Request("word")).report.query_pooled);
}

TEST_F(SearchTest, MmrPrefersDifferenceAndMinScoreCuts) {
  Create();
  for (int i = 0; i < 5; ++i) Ingest(Document("/twin" + std::to_string(i), "apple pear plum"));
  Ingest(Document("/other", "apple quince medlar"));
  SearchRequest request = Request("apple pear plum", SearchMode::kDense, 2);
  EXPECT_NE(Search(request).passages[1].uri, "/other");
  request.mmr_lambda = 0.3;
  const SearchResult diverse = Search(request);
  EXPECT_EQ(diverse.passages[1].uri, "/other");
  request.mmr_lambda = std::nullopt;
  request.top_k = 10;
  request.min_score = 0.99;
  EXPECT_EQ(Search(request).passages.size(), 5u);
  request.mmr_lambda = 1.5;
  EXPECT_TRUE(absl::IsInvalidArgument(index_->Search(request, {}).status()));
}

TEST_F(SearchTest, BatchGivesEachQueryItsOwnResultOrError) {
  Create();
  Ingest(Document("/a", "alpha"));
  Ingest(Document("/b", "beta"));
  const auto results = index_->SearchBatch({Request("alpha"), Request(""), Request("beta")}, {});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0]->passages[0].uri, "/a");
  EXPECT_TRUE(absl::IsInvalidArgument(results[1].status()));
  EXPECT_EQ(results[2]->passages[0].uri, "/b");
}

TEST_F(SearchTest, ExplanationAddsUpAndSaysWhyNot) {
  Create();
  Ingest(Document("/a", "alpha beta alpha", {{"k", int64_t{1}}}));
  Ingest(Document("/b", "beta gamma", {{"k", int64_t{2}}}));
  SearchRequest request = Request("alpha beta", SearchMode::kHybrid, 1);
  const std::string b = Search(Request("gamma")).passages[0].chunk_id;
  const auto explained = index_->Explain(request, {b}, {});
  ASSERT_TRUE(explained.ok()) << explained.status();
  ASSERT_EQ(explained->size(), 2u);
  EXPECT_EQ((*explained)[0].rank, 1);
  double sum = 0;
  for (const TermExplanation& term : (*explained)[0].terms) sum += term.score;
  EXPECT_NEAR(sum, *(*explained)[0].passage.scores.keyword, 1e-12);
  EXPECT_EQ((*explained)[0].terms[0].term_frequency, 2);
  EXPECT_EQ((*explained)[1].rank, 0);
  EXPECT_THAT((*explained)[1].reason, HasSubstr("not among the first 1"));
  request.filter = Leaf(Filter::Kind::kEquals, "k", {int64_t{1}});
  EXPECT_FALSE((*index_->Explain(request, {b}, {}))[1].filter_matched);
  EXPECT_TRUE(absl::IsInvalidArgument(index_->Explain(request, {"nonsense"}, {}).status()));
  EXPECT_TRUE(absl::IsNotFound(index_->Explain(request, {std::string(64, 'a') + "-0"}, {}).status()));
}

TEST_F(SearchTest, GraphFindsWhatExactSearchFinds) {
  Create("c", "", VectorIndexKind::kHnsw);
  IngestTopics(3000, 11);
  Settle();
  const CollectionInfo info = *index_->GetCollection("", "c");
  EXPECT_EQ(info.active_kind, VectorIndexKind::kHnsw);
  EXPECT_EQ(info.vector_index.state, IndexStatus::State::kReady);
  EXPECT_GE(Recall(50), 0.95);

  // Deletes are tombstones in the graph: nothing deleted comes back, and the rest is found.
  DeleteByFilterOptions half;
  half.filter = Leaf(Filter::Kind::kPrefix, "$uri", {std::string("/1")});  // 1,111 of 3,000
  ASSERT_TRUE(index_->DeleteDocumentsByFilter("", "c", half).ok());
  EXPECT_GE(Recall(50), 0.95);
  std::mt19937 rng(1);
  for (int q = 0; q < 20; ++q) {
    for (const Passage& passage : Search(Request(TopicText(&rng, 40), SearchMode::kDense, 100)).passages) {
      EXPECT_FALSE(passage.uri.starts_with("/1")) << passage.uri;
    }
  }

  // What was written after the graph is found, and filters starve nobody.
  Ingest(Document("/late", "entirely new vocabulary"));
  EXPECT_EQ(Search(Request("entirely new vocabulary", SearchMode::kDense, 1)).passages[0].uri, "/late");
  for (const char* prefix : {"/2", "/29", "/299", "/late"}) {
    SearchRequest request = Request("topic1x1 topic1x2", SearchMode::kDense, 10);
    request.filter = Leaf(Filter::Kind::kPrefix, "$uri", {std::string(prefix)});
    const size_t matching = index_->ListDocuments("", "c", {}, prefix, 1000, "")->documents.size();
    EXPECT_EQ(Search(request).passages.size(), std::min<size_t>(10, matching)) << prefix;
  }

  // After a restart the graph comes from its file, also with documents that are gone since.
  const uint64_t covered = index_->GetCollection("", "c")->vector_index.snapshot_sequence;
  EXPECT_GT(covered, 0u);
  Open();
  EXPECT_EQ(index_->GetCollection("", "c")->active_kind, VectorIndexKind::kHnsw);
  EXPECT_EQ(index_->GetCollection("", "c")->vector_index.snapshot_sequence, covered);
  EXPECT_THAT(index_->Stats()->notices, IsEmpty());
  EXPECT_GE(Recall(50), 0.95);
}

TEST_F(SearchTest, DamagedGraphFileIsSetAsideAndAnswersStayRight) {
  Create("c", "", VectorIndexKind::kHnsw);
  IngestTopics(1500, 11);
  Settle();
  SearchRequest request = Request("topic1x1 topic1x2 topic1x3", SearchMode::kDense, 20);
  request.dense_candidates = 10'000;  // exact
  const SearchResult exact = Search(request);
  const std::filesystem::path folder = std::filesystem::path(folder_) / "graphs";
  const std::filesystem::path file = std::filesystem::directory_iterator(folder)->path();
  const auto size = std::filesystem::file_size(file);
  const auto flip = [&](uint64_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(stream.get() ^ 0x10);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
  };
  for (int damage = 0; damage < 4; ++damage) {
    index_.reset();
    switch (damage) {
      case 0:
        flip(size / 2);
        break;
      case 1:
        std::filesystem::resize_file(file, size / 3);
        break;
      case 2:
        std::filesystem::resize_file(file, 0);
        break;
      default:
        std::filesystem::remove(file);
    }
    Open();
    const bool missing = damage == 3;
    EXPECT_EQ(index_->Stats()->notices.empty() && !missing, false) << damage;
    EXPECT_EQ(std::filesystem::exists(file.string() + ".quarantined"), true);
    const SearchResult found = Search(request);
    ASSERT_EQ(found.passages.size(), exact.passages.size());
    for (size_t i = 0; i < exact.passages.size(); ++i) {
      EXPECT_EQ(found.passages[i].chunk_id, exact.passages[i].chunk_id);
    }
    Settle();
    EXPECT_EQ(index_->GetCollection("", "c")->vector_index.state, IndexStatus::State::kReady) << damage;
    EXPECT_GE(Recall(10), 0.95);
    ASSERT_TRUE(std::filesystem::exists(file));
  }
}

TEST_F(SearchTest, ChurnIsCompactedAndAnswersStayRight) {
  Create();
  std::mt19937 rng(1);
  // Documents of many chunks, replaced again and again.
  const auto text = [&rng](int i) {
    std::string out = "unique" + std::to_string(i) + " ";
    for (int n = 0; n < 256 * 40; ++n) out += "w" + std::to_string(rng() % 300) + " ";
    return out;
  };
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 30; ++i) Ingest(Document("/" + std::to_string(i), text(i)));
  }
  Settle();
  const CollectionInfo info = *index_->GetCollection("", "c");
  EXPECT_LE(info.vector_index.deleted, 4096 + info.chunks);
  EXPECT_GT(info.vector_index.generation, 0u);
  for (int i = 0; i < 30; ++i) {
    const SearchResult found = Search(Request("unique" + std::to_string(i), SearchMode::kKeyword));
    ASSERT_EQ(found.passages.size(), 1u) << i;
    EXPECT_EQ(found.passages[0].uri, "/" + std::to_string(i));
  }
  // Deleting and replacing still work on the renumbered slots.
  ASSERT_TRUE(index_->DeleteDocument("", "c", {.uri = "/3"}).ok());
  EXPECT_THAT(Search(Request("unique3", SearchMode::kKeyword)).passages, IsEmpty());
  const SearchResult before = Search(Request("w1 w2 unique5", SearchMode::kHybrid, 50));
  Open();
  const SearchResult after = Search(Request("w1 w2 unique5", SearchMode::kHybrid, 50));
  ASSERT_EQ(before.passages.size(), after.passages.size());
  for (size_t i = 0; i < before.passages.size(); ++i) {
    EXPECT_EQ(before.passages[i].chunk_id, after.passages[i].chunk_id);
  }
}

}  // namespace
}  // namespace precis::index
