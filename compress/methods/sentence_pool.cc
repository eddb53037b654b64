#include "methods/sentence_pool.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "fidelity.h"
#include "precis/text/bm25.h"
#include "precis/text/sentences.h"
#include "vectors.h"

namespace precis::compress {
namespace {

// Keyword scores take memory by query terms times sentences; nobody's keywords are longer. Of very many sentences they
// must be fewer still, else a long query over a library takes gigabytes.
constexpr int64_t kKeywordQueryBytes = 2048;
constexpr int64_t kKeywordQueryBytesOfMany = 256;
constexpr size_t kManySentences = 50'000;

// To [0, 1] by least and greatest; all equal: all 0.
void Spread(std::vector<double>* values) {
  if (values->empty()) return;
  const auto [low, high] = std::minmax_element(values->begin(), values->end());
  const double least = *low, range = *high - *low;
  for (double& value : *values) value = range > 0 ? (value - least) / range : 0;
}

class PoolMaker {
 public:
  PoolMaker(const MethodInput& input, const SentenceWeights& weights) : input_(input), weights_(weights) {}

  absl::StatusOr<SentencePool> Make(int64_t max_candidates) {
    PRECIS_RETURN_IF_ERROR(Split());
    ScorePriors();
    PRECIS_RETURN_IF_ERROR(ScoreKeywords());
    ChooseCandidates(max_candidates);
    PRECIS_RETURN_IF_ERROR(Vectorise());
    return std::move(pool_);
  }

 private:
  bool has_query() const { return !IsBlank(input_.request.query); }

  absl::Status Split() {
    const absl::Time start = absl::Now();
    std::unordered_set<std::string> seen;
    int64_t repetitions = 0;
    for (int i = 0; i < input_.table.size(); ++i) {
      if (i % 256 == 0) {
        PRECIS_RETURN_IF_ERROR(input_.call.Check());
        if (input_.progress) input_.progress("split", i, input_.table.size());
      }
      const Piece& piece = input_.table.piece(i);
      const std::string_view text = input_.table.text(i);
      for (const ByteRange& range : text::SplitSentences(text)) {
        if (!seen.insert(CollapseSpace(Slice(text, range))).second) {
          ++repetitions;
          continue;
        }
        Sentence sentence;
        sentence.unit = {i, range};
        sentence.text = Slice(text, range);
        sentence.passage = piece.verbatim() ? piece.passage : piece.cited.front();
        sentence.tokens = input_.tokens.Estimate(sentence.unit);
        pool_.sentences.push_back(std::move(sentence));
      }
    }
    if (repetitions > 0) {
      input_.notes.warnings.push_back(absl::StrCat(repetitions, " repeated sentences were left out"));
    }
    input_.notes.timings.push_back({"split", absl::Now() - start});
    return absl::OkStatus();
  }

  void ScorePriors() {
    const std::vector<Passage>& passages = input_.request.passages;
    std::vector<double> scores;
    for (const Passage& passage : passages) scores.push_back(passage.score);
    const bool equal = std::all_of(scores.begin(), scores.end(), [&](double s) { return s == scores[0]; });
    if (equal) {
      for (size_t i = 0; i < scores.size(); ++i) scores[i] = -static_cast<double>(i);
    }
    Spread(&scores);
    for (Sentence& sentence : pool_.sentences) sentence.prior = scores[static_cast<size_t>(sentence.passage)];
  }

  absl::Status ScoreKeywords() {
    if (!has_query()) return absl::OkStatus();
    PRECIS_RETURN_IF_ERROR(input_.call.Check());
    const absl::Time start = absl::Now();
    std::vector<std::string_view> texts;
    for (const Sentence& sentence : pool_.sentences) texts.push_back(sentence.text);
    const std::vector<double> scores = SentenceKeywords(input_, texts);
    for (size_t i = 0; i < scores.size(); ++i) pool_.sentences[i].keyword = scores[i];
    input_.notes.timings.push_back({"score", absl::Now() - start});
    return absl::OkStatus();
  }

  void ChooseCandidates(int64_t max_candidates) {
    std::vector<Sentence>& sentences = pool_.sentences;
    std::vector<int> place(sentences.size(), 0);  // of the sentence in its piece
    for (size_t i = 1; i < sentences.size(); ++i) {
      place[i] = sentences[i].unit.piece == sentences[i - 1].unit.piece ? place[i - 1] + 1 : 0;
    }
    std::vector<int> order(sentences.size());
    std::iota(order.begin(), order.end(), 0);
    const auto worth = [&](int i) {
      const Sentence& s = sentences[static_cast<size_t>(i)];
      return s.keyword + (has_query() ? weights_.prior * s.prior : 0);
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      if (worth(a) != worth(b)) return worth(a) > worth(b);
      return place[static_cast<size_t>(a)] < place[static_cast<size_t>(b)];
    });
    const auto count = std::min<size_t>(order.size(), static_cast<size_t>(max_candidates));
    pool_.candidates.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
    pool_.others.assign(order.begin() + static_cast<std::ptrdiff_t>(count), order.end());
    std::sort(pool_.candidates.begin(), pool_.candidates.end());
    if (!pool_.others.empty()) {
      input_.notes.warnings.push_back(absl::StrCat(
          "of ", sentences.size(), " sentences ", count, " were compared by meaning (max_sentences); the others ",
          has_query() ? "were ranked by the query's words" : "come after them in their order"));
    }
  }

  absl::Status Vectorise() {
    PRECIS_RETURN_IF_ERROR(input_.call.Check());
    std::vector<std::string_view> texts;
    for (const int c : pool_.candidates) texts.push_back(pool_.sentences[static_cast<size_t>(c)].text);
    std::vector<float> target;  // what a candidate should be like
    if (input_.resources.embedder) {
      absl::Status status = Embed(texts, &target);
      if (absl::IsCancelled(status) || absl::IsDeadlineExceeded(status)) return status;
      if (!status.ok()) {
        const std::string message = absl::StrCat("the encoder failed: ", std::string(status.message()));
        if (input_.request.fallback_policy == FallbackPolicy::kFail) return absl::FailedPreconditionError(message);
        input_.notes.warnings.push_back(absl::StrCat(message, "; sentences were compared by their words"));
        input_.notes.transient = true;
      }
      pool_.embedded = status.ok();
    } else {
      input_.notes.warnings.push_back("no encoder is loaded: sentences were compared by their words");
    }
    if (!pool_.embedded) {
      std::vector<std::vector<float>> vectors = LexicalVectors(texts);
      for (size_t i = 0; i < texts.size(); ++i) {
        pool_.sentences[static_cast<size_t>(pool_.candidates[i])].vector = std::move(vectors[i]);
      }
      target.clear();
    }
    Blend(target);
    return absl::OkStatus();
  }

  absl::Status Embed(const std::vector<std::string_view>& texts, std::vector<float>* target) {
    const absl::Time start = absl::Now();
    if (input_.progress) input_.progress("embed", 0, static_cast<int64_t>(texts.size()));
    engine::Embedder& embedder = *input_.resources.embedder;
    std::vector<engine::CacheTag> tags;
    engine::EmbedOptions options = SentenceOptions();
    // What was read at an unknown epoch must not get into the cache: it could not be erased.
    const bool tagged = input_.request.read_epoch != 0;
    if (tagged) {
      for (const int c : pool_.candidates) {
        tags.push_back(SentenceTag(input_.request, pool_.sentences[static_cast<size_t>(c)].passage));
      }
      options.tags = tags;
    }
    PRECIS_ASSIGN_OR_RETURN(std::vector<engine::Embedding> vectors, embedder.Embed(texts, options, input_.call));
    for (size_t i = 0; i < texts.size(); ++i) {
      pool_.sentences[static_cast<size_t>(pool_.candidates[i])].vector = std::move(vectors[i].vector);
    }
    if (has_query()) {
      const std::string_view query = input_.request.query;
      const engine::CacheTag tag = {input_.request.tenant, "", input_.request.read_epoch};
      options.role = engine::InputRole::kQuery;
      options.tags = {&tag, 1};
      PRECIS_ASSIGN_OR_RETURN(std::vector<engine::Embedding> query_vector,
                              embedder.Embed({&query, 1}, options, input_.call));
      *target = std::move(query_vector[0].vector);
    }
    input_.notes.timings.push_back({"embed", absl::Now() - start});
    return absl::OkStatus();
  }

  // Without a query the target is the centre of all. With a query but no encoder the keywords stand for both.
  void Blend(std::vector<float> target) {
    std::vector<double> likeness;
    if (target.empty() && !has_query()) {
      for (const int c : pool_.candidates) AddTo(pool_.sentences[static_cast<size_t>(c)].vector, &target);
      NormalizeVector(&target);
    }
    if (!target.empty()) {
      for (const int c : pool_.candidates) {
        likeness.push_back(Dot(target, pool_.sentences[static_cast<size_t>(c)].vector));
      }
      Spread(&likeness);
    }
    const double keyword_weight = has_query() ? weights_.keyword : 0;
    const double vector_weight = std::max(0.0, 1 - keyword_weight - weights_.prior);
    for (size_t i = 0; i < pool_.candidates.size(); ++i) {
      Sentence& s = pool_.sentences[static_cast<size_t>(pool_.candidates[i])];
      const double by_vector = likeness.empty() ? s.keyword : likeness[i];
      s.relevance = vector_weight * by_vector + keyword_weight * s.keyword + weights_.prior * s.prior;
    }
  }

  const MethodInput& input_;
  const SentenceWeights weights_;
  SentencePool pool_;
};

}  // namespace

std::vector<double> SentenceKeywords(const MethodInput& input, const std::vector<std::string_view>& sentences) {
  std::string_view query = input.request.query;
  const int64_t limit = sentences.size() > kManySentences ? kKeywordQueryBytesOfMany : kKeywordQueryBytes;
  if (static_cast<int64_t>(query.size()) > limit) {
    query = query.substr(0, static_cast<size_t>(FloorToWordEnd(query, 0, limit)));
    input.notes.warnings.push_back(absl::StrCat("the query has ", input.request.query.size(),
                                                " bytes; its keywords are those of the first ", query.size(),
                                                input.resources.embedder ? ", its meaning is that of all" : ""));
  }
  std::vector<double> scores = text::Bm25Scores(query, sentences);
  const double greatest = scores.empty() ? 0 : *std::max_element(scores.begin(), scores.end());
  for (double& score : scores) score = greatest > 0 ? score / greatest : 0;
  return scores;
}

absl::StatusOr<SentencePool> MakeSentencePool(const MethodInput& input, int64_t max_candidates,
                                              const SentenceWeights& weights) {
  return PoolMaker(input, weights).Make(max_candidates);
}

}  // namespace precis::compress
