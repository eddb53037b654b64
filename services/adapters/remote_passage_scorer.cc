#include "adapters/remote_passage_scorer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/await.h"
#include "precis/base/status_macros.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "runtime/call_scope.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

// Of one call; well below what a message may have.
constexpr int kMaxPassages = 256;
constexpr size_t kMaxBytes = 2 << 20;

class RemotePassageScorer final : public index::Reranker {
 public:
  RemotePassageScorer(RoleChannel channel, v1::PassageScorerKind kind, std::string model)
      : channel_(std::move(channel)), kind_(kind), model_(std::move(model)) {}

  absl::StatusOr<std::vector<float>> Score(std::string_view query, std::span<const index::RerankItem> passages,
                                           const CallContext& call) override {
    const auto stub = v1::EmbeddingService::NewStub(channel_.channel);
    std::vector<float> scores;
    while (scores.size() < passages.size()) {
      PRECIS_RETURN_IF_ERROR(call.Check());
      v1::ScorePassagesRequest request;
      request.set_model(model_);
      request.set_kind(kind_);
      request.set_query(std::string(query));
      size_t bytes = query.size();
      for (size_t i = scores.size(); i < passages.size() && request.passages_size() < kMaxPassages; ++i) {
        bytes += passages[i].text.size();
        if (bytes > kMaxBytes && request.passages_size() > 0) break;
        request.add_passages(std::string(passages[i].text));
      }
      grpc::ClientContext context;
      SetDeadline(call.deadline(), &context);
      if (!call.request_id().empty()) context.AddMetadata(kRequestIdMetadata, call.request_id());
      v1::ScorePassagesResponse response;
      Arrival arrival;
      stub->async()->ScorePassages(&context, &request, &response,
                                   [&arrival](grpc::Status status) { arrival.Arrive(std::move(status)); });
      const grpc::Status status = arrival.Await(call, [&context] { context.TryCancel(); });
      if (!status.ok()) return FromRole(status, "embedder", channel_.address);
      if (response.scores_size() != request.passages_size()) {
        return absl::InternalError(absl::StrCat("the embedder gave ", response.scores_size(), " scores for ",
                                                request.passages_size(), " passages"));
      }
      scores.insert(scores.end(), response.scores().begin(), response.scores().end());
    }
    return scores;
  }

 private:
  const RoleChannel channel_;
  const v1::PassageScorerKind kind_;
  const std::string model_;
};

}  // namespace

std::shared_ptr<index::Reranker> MakeRemotePassageScorer(RoleChannel channel, v1::PassageScorerKind kind,
                                                         std::string model) {
  return std::make_shared<RemotePassageScorer>(std::move(channel), kind, std::move(model));
}

}  // namespace precis::services
