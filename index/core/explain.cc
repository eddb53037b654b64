// Why passages are where they are.
#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/ids.h"
#include "core/index_impl.h"
#include "precis/base/status_macros.h"
#include "search/vector_search.h"

namespace precis::index {
namespace {

constexpr size_t kMaxExplained = 100;

std::string PlaceOf(const Ranked& ranked) {
  std::vector<std::string> parts;
  if (ranked.dense_rank > 0) parts.push_back(absl::StrFormat("%d by meaning (%.4f)", ranked.dense_rank, *ranked.dense));
  if (ranked.keyword_rank > 0) {
    parts.push_back(absl::StrFormat("%d by keywords (%.4f)", ranked.keyword_rank, *ranked.keyword));
  }
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "Place " : " and ") + part;
  return text;
}

}  // namespace

absl::StatusOr<std::vector<PassageExplanation>> IndexImpl::Explain(const SearchRequest& request,
                                                                   const std::vector<std::string>& chunk_ids,
                                                                   const CallContext& call) {
  if (chunk_ids.size() > kMaxExplained) {
    return absl::InvalidArgumentError(absl::StrCat(static_cast<int64_t>(chunk_ids.size()),
                                                   " chunks are to be explained, the limit is ",
                                                   static_cast<int64_t>(kMaxExplained)));
  }
  if (request.rerank) {
    return absl::InvalidArgumentError("what a reranker thinks cannot be explained: explain the search without it");
  }
  // Searching first checks the request.
  PRECIS_RETURN_IF_ERROR(Search(request, call).status());
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr collection, FindCollection(request.tenant, request.collection));
  PRECIS_ASSIGN_OR_RETURN(std::vector<QueryEmbedding> embeddings, EmbedQueries(*collection, {&request}, call));
  PRECIS_ASSIGN_OR_RETURN(const Found found, FindPassages(*collection, request, std::move(embeddings[0]), call));
  const SlotView& slots = found.view.slots;

  const auto explain = [&](const Ranked& ranked, int rank) -> absl::StatusOr<PassageExplanation> {
    PassageExplanation out;
    out.rank = rank;
    PRECIS_ASSIGN_OR_RETURN(out.passage, ReadPassage(*collection, slots, ranked, request.include_text));
    out.filter_matched = !request.filter || Matches(*request.filter, slots.document(ranked.slot).subject());
    if (request.mode != SearchMode::kDense) {
      for (TermShare& share : found.view.keywords->Explain(found.terms, slots, ranked.slot, found.view.statistics)) {
        out.terms.push_back(
            {std::move(share.term), static_cast<int>(share.frequency), share.document_frequency, share.score});
      }
    }
    return out;
  };

  std::vector<PassageExplanation> explanations;
  for (size_t i = 0; i < found.chosen.size(); ++i) {
    PRECIS_ASSIGN_OR_RETURN(PassageExplanation out, explain(found.chosen[i], static_cast<int>(i) + 1));
    out.reason = absl::StrCat(PlaceOf(found.chosen[i]),
                              request.mmr_lambda ? ", then chosen for relevance and difference" : "", ".");
    explanations.push_back(std::move(out));
  }
  for (const std::string& chunk_id : chunk_ids) {
    const auto parsed = ParseChunkId(chunk_id);
    if (!parsed) return absl::InvalidArgumentError(absl::StrCat("'", absl::CHexEscape(chunk_id), "' is no chunk id"));
    uint32_t slot = 0;
    while (slot < slots.size() && !(slots.Alive(slot) && slots.ordinal(slot) == static_cast<uint32_t>(parsed->second) &&
                                    slots.document(slot).info.version_id == parsed->first)) {
      ++slot;
    }
    if (slot == slots.size()) {
      return absl::NotFoundError(absl::StrCat("there is no chunk '", chunk_id, "' in collection '",
                                              collection->options().name, "': its document was replaced or deleted"));
    }
    const auto same = [slot](const Ranked& ranked) { return ranked.slot == slot; };
    const auto chosen = std::find_if(found.chosen.begin(), found.chosen.end(), same);
    if (chosen != found.chosen.end()) {
      explanations.push_back(explanations[static_cast<size_t>(chosen - found.chosen.begin())]);
      continue;
    }
    const auto candidate = std::find_if(found.ranked.begin(), found.ranked.end(), same);
    const bool was_candidate = candidate != found.ranked.end();
    Ranked ranked = was_candidate ? *candidate : Ranked{slot};
    if (!was_candidate && request.mode != SearchMode::kKeyword) {
      float similarity = 0;
      Similarities(collection->options().metric, QueryVector(found.query_vector, slots.stride()).data(),
                   slots.vector(slot), slots.stride(), 1, &similarity);
      ranked.dense = similarity;
    }
    PRECIS_ASSIGN_OR_RETURN(PassageExplanation out, explain(ranked, 0));
    if (!out.filter_matched) {
      out.reason = "Its document does not match the filter.";
    } else if (!was_candidate) {
      out.reason = "It is not among the candidates of any list: ask for more candidates to see it.";
    } else if (request.min_score && ranked.fused < *request.min_score) {
      out.reason = absl::StrFormat("Its score %.6f is below min_score %.6f.", ranked.fused, *request.min_score);
    } else {
      out.reason = absl::StrCat(PlaceOf(ranked), ", which is not among the first ", request.top_k, ".");
    }
    explanations.push_back(std::move(out));
  }
  return explanations;
}

}  // namespace precis::index
