#include "gateway/question_fusion.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace precis::services {
namespace {

constexpr double kRankOffset = 60;

template <class Has, class Get, class Set>
void KeepBest(const v1::PassageScores& from, v1::PassageScores* into, Has has, Get get, Set set) {
  if ((from.*has)() && (!(into->*has)() || (from.*get)() > (into->*get)())) (into->*set)((from.*get)());
}

}  // namespace

absl::StatusOr<v1::SearchResponse> FuseSearches(const v1::SearchBatchResponse& batch, int limit) {
  struct Found {
    v1::Passage passage;
    double score = 0;
  };
  std::vector<Found> all;
  std::map<std::string, size_t> places;  // by chunk
  v1::SearchResponse fused;
  bool all_hit = true;
  for (int q = 0; q < batch.results_size(); ++q) {
    const v1::SearchBatchResult& result = batch.results(q);
    if (result.has_error()) {
      return absl::Status(static_cast<absl::StatusCode>(result.error().code()),
                          absl::StrCat("question ", q + 1, ": ", result.error().message()));
    }
    all_hit = all_hit && result.report().query_cache_hit();
    for (int rank = 0; rank < result.passages_size(); ++rank) {
      const v1::Passage& passage = result.passages(rank);
      const auto [place, is_new] = places.emplace(passage.chunk_id(), all.size());
      if (is_new) all.push_back({passage});
      Found& found = all[place->second];
      found.score += 1 / (kRankOffset + rank + 1);
      using S = v1::PassageScores;
      KeepBest(passage.scores(), found.passage.mutable_scores(), &S::has_dense, &S::dense, &S::set_dense);
      KeepBest(passage.scores(), found.passage.mutable_scores(), &S::has_keyword, &S::keyword, &S::set_keyword);
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.score > b.score; });
  for (Found& found : all) {
    if (fused.passages_size() == limit) break;
    found.passage.mutable_scores()->set_fused(found.score);
    *fused.add_passages() = std::move(found.passage);
  }
  if (batch.results_size() > 0) *fused.mutable_report() = batch.results(0).report();
  fused.mutable_report()->set_query_cache_hit(all_hit);
  return fused;
}

}  // namespace precis::services
