#include "roles/rerankers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/remote_passage_scorer.h"
#include "convert/common.h"
#include "precis/base/status_macros.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr int kMaxCandidates = 1000;
constexpr int64_t kMaxTimeoutMs = 3'600'000;
// What a decoder reads of a passage besides its window: a passage is a chunk, and time goes with its length.
constexpr size_t kMostBytes = 8192;

// As users name it.
const char* NameOf(v1::RerankMethod method) {
  switch (method) {
    case v1::RERANK_METHOD_QUESTION_LIKELIHOOD:
      return "likelihood";
    case v1::RERANK_METHOD_ENCODER:
      return "encoder";
    case v1::RERANK_METHOD_SPARSE_ENCODER:
      return "sparse";
    case v1::RERANK_METHOD_CROSS_ENCODER:
      return "cross";
    default:
      return "";
  }
}

}  // namespace

absl::Status Rerankers::Fill(const v1::SearchOptions& options, const CallContext& call, index::SearchRequest* request) {
  if (!options.has_rerank()) return absl::OkStatus();
  const v1::RerankOptions& asked = options.rerank();
  if (*NameOf(asked.method()) == '\0') {
    return FieldError("options.rerank.method", "must be QUESTION_LIKELIHOOD, ENCODER, SPARSE_ENCODER or CROSS_ENCODER");
  }
  if (asked.candidates() < 0 || asked.candidates() > kMaxCandidates) {
    return FieldError("options.rerank.candidates",
                      absl::StrCat("is ", asked.candidates(), ", it must be from 0 to ", kMaxCandidates));
  }
  if (asked.has_weight() && !(asked.weight() > 0 && asked.weight() <= 1)) {
    return FieldError("options.rerank.weight", "must be above 0 and at most 1");
  }
  if (asked.timeout_ms() < 0 || asked.timeout_ms() > kMaxTimeoutMs) {
    return FieldError("options.rerank.timeout_ms", absl::StrCat("must be from 0 to ", kMaxTimeoutMs));
  }
  if (asked.model().empty() && asked.method() != v1::RERANK_METHOD_QUESTION_LIKELIHOOD) {
    return FieldError("options.rerank.model", "is empty: name the model that is to score passages");
  }
  index::RerankRequest rerank;
  rerank.candidates = asked.candidates();
  if (asked.has_weight()) rerank.weight = asked.weight();
  if (asked.timeout_ms() > 0) rerank.timeout = absl::Milliseconds(asked.timeout_ms());
  rerank.name = absl::StrCat(NameOf(asked.method()), ":", asked.model().empty() ? scorer_ : asked.model());
  auto reranker = Get(asked, call.WithDeadline(absl::Now() + rerank.timeout), &rerank.name);
  PRECIS_RETURN_IF_ERROR(call.Check());
  if (reranker.ok()) {
    rerank.reranker = *std::move(reranker);
  } else {
    rerank.why_none = std::string(reranker.status().message());
  }
  request->rerank = std::move(rerank);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<index::Reranker>> Rerankers::Get(const v1::RerankOptions& options,
                                                                const CallContext& call, std::string* name) {
  switch (options.method()) {
    case v1::RERANK_METHOD_QUESTION_LIKELIHOOD: {
      PRECIS_ASSIGN_OR_RETURN(RemoteScorer scorer,
                              generators_.Scorer(options.model().empty() ? scorer_ : options.model(), call));
      // Find() stands in for a model that is not there; who named one wants that one.
      if (!options.model().empty() && scorer.info.name != options.model()) {
        return absl::NotFoundError(absl::StrCat("the generator role has no model '", options.model(), "'"));
      }
      *name = absl::StrCat(NameOf(options.method()), ":", scorer.info.name);
      const auto window = static_cast<size_t>(std::max<int64_t>(64, scorer.info.max_tokens));
      return index::MakeLikelihoodReranker(std::move(scorer.segments), std::min(kMostBytes, window));
    }
    case v1::RERANK_METHOD_ENCODER: {
      PRECIS_ASSIGN_OR_RETURN(auto encoder, encoders_.Get(options.model(), call));
      return index::MakeEncoderReranker(std::move(encoder));
    }
    case v1::RERANK_METHOD_SPARSE_ENCODER:
      return MakeRemotePassageScorer(channels_.Get(Role::kEmbedder), v1::PASSAGE_SCORER_KIND_SPARSE_ENCODER,
                                     options.model());
    default:
      return MakeRemotePassageScorer(channels_.Get(Role::kEmbedder), v1::PASSAGE_SCORER_KIND_CROSS_ENCODER,
                                     options.model());
  }
}

}  // namespace precis::services
