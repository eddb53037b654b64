#include "search/fusion.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "precis/base/status_macros.h"
#include "search/vector_search.h"

namespace precis::index {
namespace {

constexpr double kRankConstant = 60;

}  // namespace

std::vector<Ranked> Fuse(const SlotView& view, const std::vector<Candidate>* dense,
                         const std::vector<Candidate>* keyword) {
  std::vector<Ranked> all;
  absl::flat_hash_map<uint32_t, size_t> places;
  const bool both = dense != nullptr && keyword != nullptr;
  const auto add = [&](const std::vector<Candidate>& list, bool is_dense) {
    for (size_t i = 0; i < list.size(); ++i) {
      const auto [place, added] = places.try_emplace(list[i].slot, all.size());
      if (added) all.push_back({list[i].slot});
      Ranked& ranked = all[place->second];
      const int rank = static_cast<int>(i) + 1;
      (is_dense ? ranked.dense : ranked.keyword) = list[i].score;
      (is_dense ? ranked.dense_rank : ranked.keyword_rank) = rank;
      ranked.fused += both ? 1.0 / (kRankConstant + rank) : list[i].score;
    }
  };
  if (dense != nullptr) add(*dense, true);
  if (keyword != nullptr) add(*keyword, false);
  const Better better(view);
  std::sort(all.begin(), all.end(), [&better](const Ranked& a, const Ranked& b) {
    return better({a.fused, a.slot}, {b.fused, b.slot});
  });
  return all;
}

absl::StatusOr<std::vector<Ranked>> Diversify(const SlotView& view, Metric metric, std::vector<Ranked> candidates,
                                              size_t k, double lambda, const CallContext& call) {
  std::vector<Ranked> picked;
  if (candidates.empty()) return picked;
  const double high = candidates.front().fused, low = candidates.back().fused;
  std::vector<double> likeness(candidates.size(), 0.0);
  std::vector<bool> taken(candidates.size(), false);
  while (picked.size() < std::min(k, candidates.size())) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    size_t best = candidates.size();
    double best_value = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (taken[i]) continue;
      const double relevance = high > low ? (candidates[i].fused - low) / (high - low) : 1.0;
      const double penalty = picked.empty() ? 0.0 : likeness[i];
      const double value = lambda * relevance - (1 - lambda) * penalty;
      // Candidates come best first, so that the better one wins a tie.
      if (best == candidates.size() || value > best_value) {
        best = i;
        best_value = value;
      }
    }
    taken[best] = true;
    const float* chosen = view.vector(candidates[best].slot);
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (taken[i]) continue;
      float similarity = 0;
      Similarities(metric == Metric::kL2 ? Metric::kInnerProduct : metric, chosen, view.vector(candidates[i].slot),
                   view.stride(), 1, &similarity);
      likeness[i] = picked.empty() ? similarity : std::max(likeness[i], static_cast<double>(similarity));
    }
    picked.push_back(std::move(candidates[best]));
  }
  return picked;
}

}  // namespace precis::index
