#include "roles/embedding_service.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/common.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "precis/index/names.h"
#include "runtime/bidi_call.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

constexpr int kMaxItems = 256;
constexpr size_t kMaxTextBytes = 1 << 20;
constexpr int64_t kMaxResponseBytes = 1 << 20;  // of vectors in one message
constexpr int kMaxScoredPassages = 1000;
constexpr size_t kMaxScoredBytes = 3 << 20, kMaxScoredQueryBytes = 64 << 10;
constexpr size_t kReadAhead = 2;  // batches of a stream that wait for their turn

engine::InputRole FromProto(v1::EmbedRole role) {
  switch (role) {
    case v1::EMBED_ROLE_QUERY:
      return engine::InputRole::kQuery;
    case v1::EMBED_ROLE_DOCUMENT:
      return engine::InputRole::kDocument;
    default:
      return engine::InputRole::kPlain;
  }
}

engine::LongInput FromProto(v1::LongInputPolicy policy) {
  switch (policy) {
    case v1::LONG_INPUT_POLICY_TRUNCATE:
      return engine::LongInput::kTruncate;
    case v1::LONG_INPUT_POLICY_SPLIT_AND_POOL:
      return engine::LongInput::kSplitAndPool;
    default:
      return engine::LongInput::kError;
  }
}

absl::Status CheckBatch(const v1::EmbedRequest& request) {
  if (request.items_size() > kMaxItems) {
    return FieldError("items",
                      absl::StrCat("has ", request.items_size(), " texts in one message, the limit is ", kMaxItems));
  }
  std::set<uint64_t> ids;
  for (const v1::EmbedItem& item : request.items()) {
    if (!ids.insert(item.id()).second) return FieldError("items", absl::StrCat("has the id ", item.id(), " twice"));
    PRECIS_RETURN_IF_ERROR(index::ValidateTenant(item.cache_tag().tenant()));
  }
  return absl::OkStatus();
}

void SetResult(const engine::Embedding& embedding, v1::EmbedResult* result) {
  result->mutable_values()->Add(embedding.vector.begin(), embedding.vector.end());
  result->set_tokens_total(embedding.tokens_total);
  result->set_tokens_used(embedding.tokens_used);
  result->set_truncated(embedding.truncated);
  result->set_cache_hit(embedding.cache_hit);
}

// Items that the engine can take in one call: one role, and all with a cache tag or none.
struct Group {
  engine::InputRole role;
  bool tagged;
  std::vector<int> items;
};

std::vector<Group> GroupItems(const v1::EmbedRequest& request, std::vector<v1::EmbedResult>* results) {
  std::vector<Group> groups;
  for (int i = 0; i < request.items_size(); ++i) {
    const v1::EmbedItem& item = request.items(i);
    (*results)[i].set_id(item.id());
    if (item.text().size() > kMaxTextBytes) {
      ToProto(
          StatusWithReason(absl::StatusCode::kInvalidArgument, "TEXT_TOO_LARGE",
                           absl::StrCat("the text has ", item.text().size(), " bytes, the limit is ", kMaxTextBytes)),
          (*results)[i].mutable_error());
      continue;
    }
    const engine::InputRole role = FromProto(item.role());
    const bool tagged = item.has_cache_tag() && request.cache_policy() != v1::CACHE_POLICY_BYPASS;
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const Group& g) { return g.role == role && g.tagged == tagged; });
    if (group == groups.end()) group = groups.insert(groups.end(), Group{role, tagged, {}});
    group->items.push_back(i);
  }
  return groups;
}

absl::Status EmbedGroup(cache::CachingEmbedder& encoder, const v1::EmbedRequest& request, const Group& group,
                        const CallContext& call, std::vector<v1::EmbedResult>* results) {
  std::vector<std::string_view> texts;
  std::vector<engine::CacheTag> tags;
  for (int i : group.items) {
    const v1::EmbedItem& item = request.items(i);
    texts.push_back(item.text());
    if (group.tagged) {
      tags.push_back({item.cache_tag().tenant(), item.cache_tag().document_id(), item.cache_tag().read_epoch()});
    }
  }
  engine::EmbedOptions options;
  options.role = group.role;
  options.long_input = FromProto(request.long_input_policy());
  options.tags = tags;
  const bool refresh = request.cache_policy() == v1::CACHE_POLICY_REFRESH;
  const auto embed = [&](std::span<const std::string_view> some) {
    return refresh ? encoder.Refresh(some, options, call) : encoder.Embed(some, options, call);
  };
  auto embeddings = embed(texts);
  if (embeddings.ok()) {
    for (size_t k = 0; k < group.items.size(); ++k) SetResult((*embeddings)[k], &(*results)[group.items[k]]);
    return absl::OkStatus();
  }
  if (!absl::IsInvalidArgument(embeddings.status())) return embeddings.status();
  // Some text is too long: only its own item fails, so each is asked for alone.
  for (size_t k = 0; k < group.items.size(); ++k) {
    if (group.tagged) options.tags = std::span(tags).subspan(k, 1);
    auto one = embed(std::span<const std::string_view>(texts).subspan(k, 1));
    if (one.ok()) {
      SetResult(one->front(), &(*results)[group.items[k]]);
    } else if (absl::IsInvalidArgument(one.status())) {
      const std::string_view message(one.status().message().data(), one.status().message().size());
      ToProto(StatusWithReason(absl::StatusCode::kInvalidArgument, "INPUT_TOO_LONG", message),
              (*results)[group.items[k]].mutable_error());
    } else {
      return one.status();
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Batches are embedded one after the other, so that the answers keep their order; reading goes on meanwhile, up to
// kReadAhead batches.
class EmbeddingService::EmbedCall final : public BidiCall<v1::EmbedRequest, v1::EmbedResponse> {
 public:
  EmbedCall(EmbeddingService& service, grpc::CallbackServerContext* context)
      : BidiCall(service.host_, "EmbeddingService/Embed", context, 4), service_(service) {
    ReadNext();
  }

 private:
  void OnMessage(v1::EmbedRequest* message) override {
    bool submit = false, read = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      waiting_.emplace_back();
      waiting_.back().Swap(message);
      submit = !std::exchange(busy_, true);
      read = waiting_.size() < kReadAhead;
      reading_ = read;
    }
    if (read) ReadNext();
    if (submit) Submit();
  }

  void OnEnd() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
      reading_ = true;  // and never again
      if (busy_) return;
      busy_ = true;
    }
    End(call().Check());
  }

  void Submit() {
    const absl::Status accepted = host().executor->Submit([this] { Work(); });
    if (!accepted.ok()) End(accepted);
  }

  void Work() {
    v1::EmbedRequest request;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      request.Swap(&waiting_.front());
      waiting_.pop_front();
    }
    absl::Status status = call().Check();
    if (status.ok()) status = Answer(request);
    if (!status.ok()) return End(status);
    bool read = false, more = false, end = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      read = !std::exchange(reading_, true);
      more = !waiting_.empty();
      end = !more && ended_;
      if (!more && !end) busy_ = false;
    }
    if (end) return End(call().Check());
    if (read) ReadNext();
    if (more) Submit();
  }

  absl::Status Answer(const v1::EmbedRequest& request) {
    const absl::Time started = absl::Now();
    PRECIS_RETURN_IF_ERROR(CheckBatch(request));
    PRECIS_ASSIGN_OR_RETURN(const auto encoder, service_.encoders_.Get(request.model().empty() ? service_.default_model_
                                                                                               : request.model()));
    const engine::ModelInfo& info = encoder->info();
    if (!request.expected_fingerprint().empty() && request.expected_fingerprint() != info.fingerprint) {
      return absl::FailedPreconditionError(
          absl::StrCat("encoder '", info.name, "' has fingerprint ", info.fingerprint, ", the caller expects ",
                       request.expected_fingerprint(),
                       ": their vectors must not be mixed; use the model that the collection was made with"));
    }
    std::vector<v1::EmbedResult> results(static_cast<size_t>(request.items_size()));
    for (const Group& group : GroupItems(request, &results)) {
      PRECIS_RETURN_IF_ERROR(EmbedGroup(*encoder, request, group, call(), &results));
    }
    int64_t tokens = 0;
    v1::EmbedResponse response;
    const auto begin_response = [&] {
      response.Clear();
      response.set_model(info.name);
      response.set_fingerprint(info.fingerprint);
      response.set_dimensions(info.dimensions);
    };
    begin_response();
    int64_t bytes = 0;
    for (v1::EmbedResult& result : results) {
      const auto result_bytes = static_cast<int64_t>(result.ByteSizeLong());
      if (bytes > 0 && bytes + result_bytes > kMaxResponseBytes) {
        if (!outgoing().Write(std::move(response))) return absl::CancelledError("the client is gone");
        begin_response();
        bytes = 0;
      }
      tokens += result.tokens_used();
      bytes += result_bytes;
      response.add_results()->Swap(&result);
    }
    response.set_batch_end(true);
    ToProto("embed", absl::Now() - started, response.add_timings());
    host().metrics->Add("precis_tokens_total", {{"direction", "embedded"}}, static_cast<double>(tokens));
    if (!outgoing().Write(std::move(response))) return absl::CancelledError("the client is gone");
    return absl::OkStatus();
  }

  EmbeddingService& service_;
  std::mutex mutex_;
  std::deque<v1::EmbedRequest> waiting_;
  bool busy_ = false;    // a batch is in work or queued
  bool reading_ = true;  // a read is under way
  bool ended_ = false;
};

grpc::ServerBidiReactor<v1::EmbedRequest, v1::EmbedResponse>* EmbeddingService::Embed(
    grpc::CallbackServerContext* context) {
  return new EmbedCall(*this, context);
}

grpc::ServerUnaryReactor* EmbeddingService::Info(grpc::CallbackServerContext* context, const v1::InfoRequest* request,
                                                 v1::InfoResponse* reply) {
  return RunUnary(host_, "EmbeddingService/Info", context, reply, [this, request, reply](const CallContext&) {
    const auto add = [&](const engine::ModelInfo& info) {
      v1::EncoderInfo* out = reply->add_encoders();
      out->set_model(info.name);
      out->set_fingerprint(info.fingerprint);
      out->set_dimensions(info.dimensions);
      out->set_max_tokens(static_cast<int32_t>(info.max_tokens));
      out->set_numeric_mode(info.numeric_mode);
      out->set_pooling(info.pooling == "cls" ? v1::POOLING_MODE_CLS : v1::POOLING_MODE_MEAN);
      out->set_tokenizer_fingerprint(info.tokenizer_fingerprint);
      out->set_query_prefix(info.query_prefix);
      out->set_document_prefix(info.document_prefix);
      out->set_is_default(info.name == default_model_);
    };
    // The default one is part of every answer, so it is loaded if it is not yet.
    const std::string& first = request->model().empty() ? default_model_ : request->model();
    PRECIS_ASSIGN_OR_RETURN(const auto encoder, encoders_.Get(first));
    add(encoder->info());
    if (request->model().empty()) {
      for (const auto& [name, other] : encoders_.All()) {
        if (name != first) add(other->info());
      }
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* EmbeddingService::ScorePassages(grpc::CallbackServerContext* context,
                                                          const v1::ScorePassagesRequest* request,
                                                          v1::ScorePassagesResponse* reply) {
  return RunUnary(host_, "EmbeddingService/ScorePassages", context, reply,
                  [this, request, reply](const CallContext& call) -> absl::Status {
                    PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request->tenant()));
                    if (request->query().empty() || request->query().size() > kMaxScoredQueryBytes) {
                      return FieldError("query", absl::StrCat("has ", request->query().size(), " bytes, 1 to ",
                                                              kMaxScoredQueryBytes, " are allowed"));
                    }
                    if (request->passages().empty() || request->passages_size() > kMaxScoredPassages) {
                      return FieldError("passages", absl::StrCat("has ", request->passages_size(), " entries, 1 to ",
                                                                 kMaxScoredPassages, " are allowed"));
                    }
                    size_t bytes = 0;
                    std::vector<index::RerankItem> passages;
                    for (const std::string& passage : request->passages()) {
                      bytes += passage.size();
                      passages.push_back({passage, {}});
                    }
                    if (bytes > kMaxScoredBytes) {
                      return FieldError(
                          "passages", absl::StrCat("have ", bytes, " bytes together, the limit is ", kMaxScoredBytes));
                    }
                    PRECIS_ASSIGN_OR_RETURN(const auto scorer, scorers_.Get(request->kind(), request->model()));
                    PRECIS_ASSIGN_OR_RETURN(const std::vector<float> scores,
                                            scorer->scorer->Score(request->query(), passages, call));
                    reply->mutable_scores()->Add(scores.begin(), scores.end());
                    reply->set_model_fingerprint(scorer->fingerprint);
                    return absl::OkStatus();
                  });
}

}  // namespace precis::services
