// A second look at the passages that a search has found, by something slower and better than what found them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/engine/cross_encoder.h"
#include "precis/engine/embedder.h"
#include "precis/engine/segment_scorer.h"
#include "precis/engine/sparse_encoder.h"

namespace precis::index {

struct RerankItem {
  std::string_view text;
  engine::CacheTag tag;  // whose text it is, for models that cache what they compute
};

// Thread-safe. Deterministic.
class Reranker {
 public:
  virtual ~Reranker() = default;

  // One score for each passage, in order; any number of passages. Higher is better; scores of one call compare with
  // each other. Passages longer than the model's window are read as far as it goes, or in parts of which the best
  // counts. Errors: those of the model; Unavailable where it runs elsewhere and does not answer; Cancelled,
  // DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<std::vector<float>> Score(std::string_view query,
                                                                 std::span<const RerankItem> passages,
                                                                 const CallContext& call) = 0;
};

// How likely a decoder finds the query after the passage (query likelihood; UPR, arXiv 2204.07496). `window_bytes` of a
// passage are read: what is sure to fit the model's window beside a query.
std::shared_ptr<Reranker> MakeLikelihoodReranker(std::shared_ptr<engine::SegmentScorer> scorer, size_t window_bytes);

// Cosine of the vectors of another, usually larger, encoder than the collection's.
std::shared_ptr<Reranker> MakeEncoderReranker(std::shared_ptr<engine::Embedder> encoder);

// Words that query and passage share, also those that they do not contain but are about (SPLADE, arXiv 2109.10086).
std::shared_ptr<Reranker> MakeSparseReranker(std::shared_ptr<engine::SparseEncoder> encoder);

// A cross-encoder's logit.
std::shared_ptr<Reranker> MakeCrossReranker(std::shared_ptr<engine::CrossEncoder> encoder);

// `first` are the scores by which passages are ordered so far, `again` those of a reranker. Both are brought to mean 0
// and deviation 1 and added with `weight` in (0, 1] for the second; with 1, `again` as it is.
std::vector<double> CombinedScores(std::span<const double> first, std::span<const float> again, double weight);

}  // namespace precis::index
