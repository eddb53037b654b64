#include "core/rerank.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "precis/base/status_macros.h"
#include "precis/index/reranker.h"

namespace precis::index {
namespace {

// A decoder reads a few hundred tokens a second: more than these would be minutes.
constexpr int kDefaultCandidates = 20;

// Mean 0 and deviation 1; all 0 where all are equal.
std::vector<double> Standardised(std::vector<double> values) {
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(values.size()));
  for (double& v : values) v = deviation > 0 ? (v - mean) / deviation : 0;
  return values;
}

absl::StatusOr<std::vector<float>> Score(const SearchRequest& request, const SearchResult& result,
                                         const CallContext& call) {
  const RerankRequest& rerank = *request.rerank;
  if (rerank.reranker == nullptr) return absl::UnavailableError(rerank.why_none);
  std::vector<RerankItem> items;
  for (const Passage& passage : result.passages) {
    items.push_back({passage.text, {request.tenant, passage.document_id, result.report.read_epoch}});
  }
  PRECIS_ASSIGN_OR_RETURN(
      std::vector<float> scores,
      rerank.reranker->Score(request.query, items, call.WithDeadline(absl::Now() + rerank.timeout)));
  if (scores.size() != items.size()) return absl::InternalError("there are not as many scores as passages");
  for (const float score : scores) {
    if (!std::isfinite(score)) return absl::InternalError("a score is not a number");
  }
  return scores;
}

}  // namespace

std::vector<double> CombinedScores(std::span<const double> first, std::span<const float> again, double weight) {
  std::vector<double> second(again.begin(), again.end());
  if (weight >= 1) return second;
  const std::vector<double> a = Standardised({first.begin(), first.end()}), b = Standardised(std::move(second));
  std::vector<double> sum;
  for (size_t i = 0; i < a.size(); ++i) sum.push_back((1 - weight) * a[i] + weight * b[i]);
  return sum;
}

int RerankCandidates(const SearchRequest& request) {
  const int asked = request.rerank->candidates;
  return std::max(asked == 0 ? kDefaultCandidates : asked, request.top_k);
}

absl::Status Rerank(const SearchRequest& request, const CallContext& call, SearchResult* result) {
  const absl::Time begin = absl::Now();
  const RerankRequest& rerank = *request.rerank;
  RerankReport report{.name = rerank.name, .candidates = static_cast<int>(result->passages.size())};
  const auto scores = Score(request, *result, call);
  PRECIS_RETURN_IF_ERROR(call.Check());
  if (scores.ok()) {
    std::vector<double> first;
    for (const Passage& passage : result->passages) first.push_back(passage.scores.fused);
    const std::vector<double> combined = CombinedScores(first, *scores, rerank.weight);
    std::vector<size_t> order(combined.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return combined[a] > combined[b]; });
    std::vector<Passage> ordered;
    for (const size_t i : order) {
      result->passages[i].scores.rerank = combined[i];
      ordered.push_back(std::move(result->passages[i]));
    }
    result->passages = std::move(ordered);
  } else {
    report.fallback_reason = std::string(scores.status().message());
  }
  if (result->passages.size() > static_cast<size_t>(request.top_k)) {
    result->passages.resize(static_cast<size_t>(request.top_k));
  }
  if (!request.include_text) {
    for (Passage& passage : result->passages) passage.text.clear();
  }
  result->report.rerank = std::move(report);
  result->report.timings.push_back({"rerank", absl::Now() - begin});
  return absl::OkStatus();
}

}  // namespace precis::index
