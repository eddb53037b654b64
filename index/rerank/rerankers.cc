#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "precis/index/reranker.h"

namespace precis::index {
namespace {

// Passages that go to a model in one call: cancellation is looked at in between.
constexpr size_t kBatch = 32;

// Calls `score` for batches and joins what it gives.
template <class Item, class Score>
absl::StatusOr<std::vector<float>> InBatches(std::span<const Item> items, const CallContext& call, Score score) {
  std::vector<float> all;
  all.reserve(items.size());
  for (size_t begin = 0; begin < items.size(); begin += kBatch) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    PRECIS_ASSIGN_OR_RETURN(const std::vector<float> scores,
                            score(items.subspan(begin, std::min(kBatch, items.size() - begin))));
    all.insert(all.end(), scores.begin(), scores.end());
  }
  return all;
}

std::vector<std::string_view> Texts(std::span<const RerankItem> passages) {
  std::vector<std::string_view> texts;
  for (const RerankItem& passage : passages) texts.push_back(passage.text);
  return texts;
}

class LikelihoodReranker final : public Reranker {
 public:
  LikelihoodReranker(std::shared_ptr<engine::SegmentScorer> scorer, size_t window_bytes)
      : scorer_(std::move(scorer)), window_bytes_(window_bytes) {}

  absl::StatusOr<std::vector<float>> Score(std::string_view query, std::span<const RerankItem> passages,
                                           const CallContext& call) override {
    query = query.substr(0, FloorToCharBoundary(query, window_bytes_ / 4));
    return InBatches(passages, call, [&](std::span<const RerankItem> batch) {
      std::vector<std::string_view> texts = Texts(batch);
      for (std::string_view& text : texts) text = text.substr(0, FloorToCharBoundary(text, window_bytes_ / 2));
      return scorer_->ScoreSegments(texts, query, {.scoring = engine::SegmentScoring::kQuestionLikelihood}, call);
    });
  }

 private:
  const std::shared_ptr<engine::SegmentScorer> scorer_;
  const size_t window_bytes_;
};

class EncoderReranker final : public Reranker {
 public:
  explicit EncoderReranker(std::shared_ptr<engine::Embedder> encoder) : encoder_(std::move(encoder)) {}

  absl::StatusOr<std::vector<float>> Score(std::string_view query, std::span<const RerankItem> passages,
                                           const CallContext& call) override {
    PRECIS_ASSIGN_OR_RETURN(
        const std::vector<engine::Embedding> asked,
        encoder_->Embed({&query, 1},
                        {.role = engine::InputRole::kQuery, .long_input = engine::LongInput::kSplitAndPool}, call));
    return InBatches(passages, call, [&](std::span<const RerankItem> batch) -> absl::StatusOr<std::vector<float>> {
      std::vector<engine::CacheTag> tags;
      for (const RerankItem& passage : batch) tags.push_back(passage.tag);
      PRECIS_ASSIGN_OR_RETURN(
          const std::vector<engine::Embedding> vectors,
          encoder_->Embed(
              Texts(batch),
              {.role = engine::InputRole::kDocument, .long_input = engine::LongInput::kSplitAndPool, .tags = tags},
              call));
      std::vector<float> scores;
      for (const engine::Embedding& vector : vectors) {
        // In one order, so that equal inputs give equal scores everywhere.
        float dot = 0;
        for (size_t i = 0; i < vector.vector.size(); ++i) dot = std::fma(vector.vector[i], asked[0].vector[i], dot);
        scores.push_back(dot);
      }
      return scores;
    });
  }

 private:
  const std::shared_ptr<engine::Embedder> encoder_;
};

class SparseReranker final : public Reranker {
 public:
  explicit SparseReranker(std::shared_ptr<engine::SparseEncoder> encoder) : encoder_(std::move(encoder)) {}

  absl::StatusOr<std::vector<float>> Score(std::string_view query, std::span<const RerankItem> passages,
                                           const CallContext& call) override {
    PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::SparseVector> asked,
                            encoder_->Encode({&query, 1}, engine::LongInput::kSplitAndPool, call));
    return InBatches(passages, call, [&](std::span<const RerankItem> batch) -> absl::StatusOr<std::vector<float>> {
      PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::SparseVector> vectors,
                              encoder_->Encode(Texts(batch), engine::LongInput::kSplitAndPool, call));
      std::vector<float> scores;
      for (const engine::SparseVector& vector : vectors) {
        scores.push_back(engine::SparseDot(asked[0], vector));
      }
      return scores;
    });
  }

 private:
  const std::shared_ptr<engine::SparseEncoder> encoder_;
};

class CrossReranker final : public Reranker {
 public:
  explicit CrossReranker(std::shared_ptr<engine::CrossEncoder> encoder) : encoder_(std::move(encoder)) {}

  absl::StatusOr<std::vector<float>> Score(std::string_view query, std::span<const RerankItem> passages,
                                           const CallContext& call) override {
    return InBatches(passages, call, [&](std::span<const RerankItem> batch) -> absl::StatusOr<std::vector<float>> {
      PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::PairScore> pairs,
                              encoder_->Score(query, Texts(batch), engine::LongInput::kSplitAndPool, call));
      std::vector<float> scores;
      for (const engine::PairScore& pair : pairs) scores.push_back(pair.score);
      return scores;
    });
  }

 private:
  const std::shared_ptr<engine::CrossEncoder> encoder_;
};

}  // namespace

std::shared_ptr<Reranker> MakeLikelihoodReranker(std::shared_ptr<engine::SegmentScorer> scorer, size_t window_bytes) {
  return std::make_shared<LikelihoodReranker>(std::move(scorer), window_bytes);
}
std::shared_ptr<Reranker> MakeEncoderReranker(std::shared_ptr<engine::Embedder> encoder) {
  return std::make_shared<EncoderReranker>(std::move(encoder));
}
std::shared_ptr<Reranker> MakeSparseReranker(std::shared_ptr<engine::SparseEncoder> encoder) {
  return std::make_shared<SparseReranker>(std::move(encoder));
}
std::shared_ptr<Reranker> MakeCrossReranker(std::shared_ptr<engine::CrossEncoder> encoder) {
  return std::make_shared<CrossReranker>(std::move(encoder));
}

}  // namespace precis::index
