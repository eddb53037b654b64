// A search whose passages are judged again.
#include <gtest/gtest.h>

#include "index_fixture.h"
#include "precis/index/reranker.h"

namespace precis::index {
namespace {

// Likes passages with many exclamation marks.
class FakeReranker final : public Reranker {
 public:
  absl::StatusOr<std::vector<float>> Score(std::string_view, std::span<const RerankItem> passages,
                                           const CallContext& call) override {
    seen = passages.size();
    tags.clear();
    for (const RerankItem& passage : passages) tags.push_back(passage.tag);
    if (on_call) on_call();
    if (auto status = call.Check(); !status.ok()) return status;
    if (!fail_with.ok()) return fail_with;
    std::vector<float> scores;
    for (const RerankItem& p : passages) {
      scores.push_back(static_cast<float>(std::count(p.text.begin(), p.text.end(), '!')));
    }
    if (short_by_one) scores.pop_back();
    return scores;
  }
  size_t seen = 0;
  std::vector<engine::CacheTag> tags;
  std::function<void()> on_call;
  absl::Status fail_with;
  bool short_by_one = false;
};

class RerankTest : public IndexTest {
 protected:
  void SetUp() override {
    IndexTest::SetUp();
    Create();
    for (int i = 0; i < 30; ++i) {
      std::string text = "The mill of river " + std::to_string(i) + " turns";
      for (int j = 0; j < i; ++j) text += "!";
      Ingest(Document("doc" + std::to_string(i), text + "\n"));
    }
  }
  SearchRequest Asked(int top_k, int candidates, double weight = 1) {
    SearchRequest request = Request("mill of river 3 turns", SearchMode::kKeyword, top_k);
    request.rerank =
        RerankRequest{.reranker = reranker_, .name = "fake:one", .candidates = candidates, .weight = weight};
    return request;
  }
  static std::vector<std::string> Uris(const SearchResult& result) {
    std::vector<std::string> uris;
    for (const Passage& passage : result.passages) uris.push_back(passage.uri);
    return uris;
  }
  std::shared_ptr<FakeReranker> reranker_ = std::make_shared<FakeReranker>();
};

TEST_F(RerankTest, TheBestOfTheCandidatesComeFirst) {
  const SearchResult result = Search(Asked(3, 30));
  EXPECT_EQ(reranker_->seen, 30u);
  EXPECT_EQ(Uris(result), (std::vector<std::string>{"doc29", "doc28", "doc27"}));
  EXPECT_EQ(result.passages[0].scores.rerank, 29.0);
  ASSERT_TRUE(result.report.rerank.has_value());
  EXPECT_EQ(result.report.rerank->name, "fake:one");
  EXPECT_EQ(result.report.rerank->candidates, 30);
  EXPECT_EQ(result.report.rerank->fallback_reason, "");
  EXPECT_EQ(result.report.timings.back().stage, "rerank");
}

TEST_F(RerankTest, CandidatesAreTwentyOrAsManyAsAskedForAndNeverFewerThanTopK) {
  Search(Asked(3, 0));
  EXPECT_EQ(reranker_->seen, 20u);
  Search(Asked(3, 5));
  EXPECT_EQ(reranker_->seen, 5u);
  EXPECT_EQ(Search(Asked(25, 5)).passages.size(), 25u);
  EXPECT_EQ(reranker_->seen, 25u);
}

TEST_F(RerankTest, TextsAreReadForItAndGoneWhereNobodyAsked) {
  SearchRequest request = Asked(3, 30);
  request.include_text = false;
  const SearchResult result = Search(request);
  EXPECT_EQ(Uris(result).front(), "doc29");
  EXPECT_EQ(result.passages[0].text, "");
  ASSERT_EQ(reranker_->tags.size(), 30u);
  EXPECT_FALSE(reranker_->tags[0].owner.empty());
  EXPECT_EQ(reranker_->tags[0].read_epoch, result.report.read_epoch);
}

TEST_F(RerankTest, WhereItFailsTheOrderStaysAndTheReportSaysWhy) {
  SearchRequest plain = Asked(3, 30);
  plain.rerank.reset();
  const std::vector<std::string> before = Uris(Search(plain));
  reranker_->fail_with = absl::UnavailableError("the model is down");
  SearchResult result = Search(Asked(3, 30));
  EXPECT_EQ(Uris(result), before);
  EXPECT_EQ(result.report.rerank->fallback_reason, "the model is down");
  EXPECT_FALSE(result.passages[0].scores.rerank.has_value());
  reranker_->fail_with = absl::OkStatus();
  reranker_->short_by_one = true;
  EXPECT_EQ(Uris(Search(Asked(3, 30))), before);
  SearchRequest none = Asked(3, 30);
  none.rerank->reranker = nullptr;
  none.rerank->why_none = "no such model";
  result = Search(none);
  EXPECT_EQ(Uris(result), before);
  EXPECT_EQ(result.report.rerank->fallback_reason, "no such model");
}

TEST_F(RerankTest, ATimeoutOfItsOwnIsNoErrorOfTheCall) {
  SearchRequest request = Asked(3, 30);
  request.rerank->timeout = absl::ZeroDuration();
  const SearchResult result = Search(request);
  EXPECT_EQ(result.passages.size(), 3u);
  EXPECT_FALSE(result.report.rerank->fallback_reason.empty());
}

TEST_F(RerankTest, CancelledMeanwhile) {
  const CallContext call = CallContext::Make();
  reranker_->on_call = [&] { call.Cancel(); };
  EXPECT_EQ(index_->Search(Asked(3, 30), call).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(RerankTest, BadOptionsAreRefused) {
  for (const double weight : {0.0, -1.0, 1.5}) {
    EXPECT_EQ(index_->Search(Asked(3, 30, weight), {}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(index_->Search(Asked(3, -1), {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(index_->Search(Asked(3, 1001), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CombinedScores, BothSidesAreBroughtToOneScale) {
  const std::vector<double> first = {0.1, 0.2, 0.3};
  const std::vector<float> again = {300, 100, 200};
  EXPECT_EQ(CombinedScores(first, again, 1), (std::vector<double>{300, 100, 200}));
  const double unit = std::sqrt(1.5);  // one step over the deviation of three equal steps
  const std::vector<double> half = CombinedScores(first, again, 0.5);
  EXPECT_NEAR(half[0], 0, 1e-9);
  EXPECT_NEAR(half[1], -0.5 * unit, 1e-9);
  EXPECT_NEAR(half[2], 0.5 * unit, 1e-9);
  EXPECT_EQ(CombinedScores(std::vector<double>{1, 1}, std::vector<float>{2, 2}, 0.5), (std::vector<double>{0, 0}));
  EXPECT_TRUE(CombinedScores({}, {}, 0.5).empty());
}

// The rerankers over models that are no models.
class FakeModel final : public engine::SegmentScorer, public engine::SparseEncoder, public engine::CrossEncoder {
 public:
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { std::abort(); }
  absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                   std::string_view question,
                                                   const engine::SegmentScoreOptions& options,
                                                   const CallContext&) override {
    EXPECT_EQ(options.scoring, engine::SegmentScoring::kQuestionLikelihood);
    batches.push_back(segments.size());
    std::vector<float> scores;
    for (const auto s : segments) scores.push_back(static_cast<float>(100 * question.size() + s.size()));
    return scores;
  }
  absl::StatusOr<std::vector<engine::SparseVector>> Encode(std::span<const std::string_view> texts, engine::LongInput,
                                                           const CallContext&) override {
    std::vector<engine::SparseVector> vectors;  // the letter and how long the text is
    for (const auto t : texts) vectors.push_back({{{t[0], static_cast<float>(t.size())}}});
    return vectors;
  }
  absl::StatusOr<std::vector<engine::PairScore>> Score(std::string_view, std::span<const std::string_view> passages,
                                                       engine::LongInput long_input, const CallContext&) override {
    EXPECT_EQ(long_input, engine::LongInput::kSplitAndPool);
    std::vector<engine::PairScore> scores;
    for (const auto p : passages) scores.push_back({.score = -static_cast<float>(p.size())});
    return scores;
  }
  std::vector<size_t> batches;

 private:
  engine::ModelInfo info_;
};

TEST(Rerankers, AskTheirModelsInBatchesAndStopWithTheCall) {
  const auto model = std::make_shared<FakeModel>();
  std::vector<RerankItem> items(70, {"abc", {}});
  items.back().text = "abcdefghijklmnop";
  const auto likelihood = MakeLikelihoodReranker(model, 16);
  const auto scores = likelihood->Score("abcdefgh", items, {});
  ASSERT_TRUE(scores.ok());
  EXPECT_EQ(model->batches, (std::vector<size_t>{32, 32, 6}));
  EXPECT_EQ(scores->front(), 403);  // a quarter of the window for the query
  EXPECT_EQ(scores->back(), 408);   // half of it for the passage
  const std::vector<RerankItem> three = {{"aab", {}}, {"bb", {}}, {"aaaa", {}}};
  EXPECT_EQ(*MakeSparseReranker(model)->Score("a", three, {}), (std::vector<float>{3, 0, 4}));
  EXPECT_EQ(*MakeCrossReranker(model)->Score("a", three, {}), (std::vector<float>{-3, -2, -4}));
  const CallContext call = CallContext::Make();
  call.Cancel();
  EXPECT_EQ(likelihood->Score("q", items, call).status().code(), absl::StatusCode::kCancelled);
}

TEST(Rerankers, AnotherEncoderComparesByCosine) {
  const auto encoder = std::make_shared<FakeEncoder>();
  const auto reranker = MakeEncoderReranker(encoder);
  const std::vector<RerankItem> items = {{"a mill on a river", {}}, {"sheep and wool", {}}};
  const auto scores = reranker->Score("a mill on a river", items, {});
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_NEAR((*scores)[0], 1, 1e-3);
  EXPECT_LT((*scores)[1], (*scores)[0]);
}

}  // namespace
}  // namespace precis::index
