#include "adapters/remote_embedder.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/await.h"
#include "precis/base/status_macros.h"
#include "precis/v1/embedding.grpc.pb.h"
#include "runtime/call_scope.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

// Below what the contract allows a message, so that one batch is no burden for the embedder's queue.
constexpr size_t kMaxBatchItems = 256;
constexpr size_t kMaxBatchBytes = 1 << 20;
// An embedder may be loading its model.
constexpr absl::Duration kInfoTimeout = absl::Seconds(30);

v1::EmbedRole ToProto(engine::InputRole role) {
  switch (role) {
    case engine::InputRole::kQuery:
      return v1::EMBED_ROLE_QUERY;
    case engine::InputRole::kDocument:
      return v1::EMBED_ROLE_DOCUMENT;
    case engine::InputRole::kPlain:
      break;
  }
  return v1::EMBED_ROLE_PLAIN;
}

v1::LongInputPolicy ToProto(engine::LongInput policy) {
  switch (policy) {
    case engine::LongInput::kTruncate:
      return v1::LONG_INPUT_POLICY_TRUNCATE;
    case engine::LongInput::kSplitAndPool:
      return v1::LONG_INPUT_POLICY_SPLIT_AND_POOL;
    case engine::LongInput::kError:
      break;
  }
  return v1::LONG_INPUT_POLICY_ERROR;
}

// Sends batch after batch while results come back; ids are the texts' places.
class EmbedStream final : public grpc::ClientBidiReactor<v1::EmbedRequest, v1::EmbedResponse> {
 public:
  EmbedStream(v1::EmbeddingService::Stub* stub, const engine::ModelInfo& info, std::span<const std::string_view> texts,
              const engine::EmbedOptions& options, const CallContext& call)
      : info_(info), texts_(texts), options_(options), results_(texts.size()), seen_(texts.size(), false) {
    SetDeadline(call.deadline(), &context_);
    if (!call.request_id().empty()) context_.AddMetadata(kRequestIdMetadata, call.request_id());
    stub->async()->Embed(&context_, this);
    SendNext();
    StartRead(&response_);
    StartCall();
  }

  grpc::Status Await(const CallContext& call) {
    return done_.Await(call, [this] { context_.TryCancel(); });
  }

  // After Await() said OK.
  absl::StatusOr<std::vector<engine::Embedding>> Take() {
    PRECIS_RETURN_IF_ERROR(failed_);
    for (size_t i = 0; i < seen_.size(); ++i) {
      if (!seen_[i]) return absl::InternalError(absl::StrCat("the embedder did not answer text ", i));
    }
    return std::move(results_);
  }

 private:
  void SendNext() {
    if (next_ == texts_.size()) return StartWritesDone();
    request_.Clear();
    request_.set_model(info_.name);
    request_.set_expected_fingerprint(info_.fingerprint);
    request_.set_long_input_policy(ToProto(options_.long_input));
    size_t bytes = 0;
    while (next_ < texts_.size() && request_.items_size() < static_cast<int>(kMaxBatchItems) &&
           (bytes == 0 || bytes + texts_[next_].size() <= kMaxBatchBytes)) {
      v1::EmbedItem* item = request_.add_items();
      item->set_id(next_);
      item->set_text(std::string(texts_[next_]));
      item->set_role(ToProto(options_.role));
      if (!options_.tags.empty()) {
        const engine::CacheTag& tag = options_.tags[next_];
        item->mutable_cache_tag()->set_tenant(tag.tenant);
        item->mutable_cache_tag()->set_document_id(tag.owner);
        item->mutable_cache_tag()->set_read_epoch(tag.read_epoch);
      }
      bytes += texts_[next_].size() + 1;
      ++next_;
    }
    StartWrite(&request_);
  }

  void OnWriteDone(bool ok) override {
    if (ok) SendNext();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    for (const v1::EmbedResult& result : response_.results()) Accept(result);
    StartRead(&response_);
  }

  void Accept(const v1::EmbedResult& result) {
    if (result.id() >= results_.size()) {
      failed_ = absl::InternalError(absl::StrCat("the embedder answered text ", result.id(), ", which was not sent"));
      return;
    }
    if (result.has_error()) {
      if (failed_.ok()) {
        failed_ = absl::Status(static_cast<absl::StatusCode>(result.error().code()),
                               absl::StrCat("text ", result.id(), ": ", result.error().message()));
      }
      seen_[result.id()] = true;
      return;
    }
    if (result.values_size() != info_.dimensions) {
      failed_ = absl::InternalError(
          absl::StrCat("the embedder sent ", result.values_size(), " dimensions, its model has ", info_.dimensions));
      return;
    }
    engine::Embedding& embedding = results_[result.id()];
    embedding.vector.assign(result.values().begin(), result.values().end());
    embedding.tokens_total = result.tokens_total();
    embedding.tokens_used = result.tokens_used();
    embedding.truncated = result.truncated();
    embedding.cache_hit = result.cache_hit();
    seen_[result.id()] = true;
  }

  void OnDone(const grpc::Status& status) override { done_.Arrive(status); }

  const engine::ModelInfo& info_;
  const std::span<const std::string_view> texts_;
  const engine::EmbedOptions& options_;
  grpc::ClientContext context_;
  v1::EmbedRequest request_;
  v1::EmbedResponse response_;
  size_t next_ = 0;
  std::vector<engine::Embedding> results_;
  std::vector<bool> seen_;
  absl::Status failed_;
  Arrival done_;
};

engine::ModelInfo InfoFromProto(const v1::EncoderInfo& encoder) {
  engine::ModelInfo info;
  info.name = encoder.model();
  info.fingerprint = encoder.fingerprint();
  info.tokenizer_fingerprint = encoder.tokenizer_fingerprint();
  info.numeric_mode = encoder.numeric_mode();
  info.max_tokens = encoder.max_tokens();
  info.dimensions = encoder.dimensions();
  info.pooling = encoder.pooling() == v1::POOLING_MODE_CLS ? "cls" : "mean";
  info.query_prefix = encoder.query_prefix();
  info.document_prefix = encoder.document_prefix();
  return info;
}

}  // namespace

class RemoteEncoders::Encoder final : public engine::Embedder {
 public:
  Encoder(RoleChannel channel, engine::ModelInfo info, std::shared_ptr<const engine::Tokenizer> tokenizer)
      : channel_(std::move(channel)),
        stub_(v1::EmbeddingService::NewStub(channel_.channel)),
        info_(std::move(info)),
        tokenizer_(std::move(tokenizer)) {}

  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return *tokenizer_; }
  const RoleChannel& channel() const { return channel_; }
  bool stale() const { return stale_.load(); }

  absl::StatusOr<std::vector<engine::Embedding>> Embed(std::span<const std::string_view> texts,
                                                       const engine::EmbedOptions& options,
                                                       const CallContext& call) override {
    PRECIS_RETURN_IF_ERROR(call.Check());
    if (texts.empty()) return std::vector<engine::Embedding>();
    EmbedStream stream(stub_.get(), info_, texts, options, call);
    const grpc::Status status = stream.Await(call);
    if (!status.ok()) {
      if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) stale_ = true;
      return FromRole(status, "embedder", channel_.address);
    }
    return stream.Take();
  }

 private:
  const RoleChannel channel_;
  const std::unique_ptr<v1::EmbeddingService::Stub> stub_;
  const engine::ModelInfo info_;
  const std::shared_ptr<const engine::Tokenizer> tokenizer_;
  std::atomic<bool> stale_ = false;  // the embedder has another model of that name now
};

RemoteEncoders::RemoteEncoders(const Channels& channels, const ModelSource& models)
    : channels_(channels), tokenizers_(models) {}
RemoteEncoders::~RemoteEncoders() = default;

absl::StatusOr<std::shared_ptr<engine::Embedder>> RemoteEncoders::Get(const std::string& model,
                                                                      const CallContext& call) {
  const RoleChannel channel = channels_.Get(Role::kEmbedder);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = encoders_.find(model);
    if (found != encoders_.end() && !found->second->stale() && found->second->channel().channel == channel.channel) {
      return std::shared_ptr<engine::Embedder>(found->second);
    }
  }
  const auto stub = v1::EmbeddingService::NewStub(channel.channel);
  grpc::ClientContext context;
  SetDeadline(std::min(call.deadline(), absl::Now() + kInfoTimeout), &context);
  v1::InfoRequest request;
  request.set_model(model);
  v1::InfoResponse response;
  Arrival arrival;
  stub->async()->Info(&context, &request, &response,
                      [&arrival](grpc::Status status) { arrival.Arrive(std::move(status)); });
  if (const grpc::Status status = arrival.Await(call, [&context] { context.TryCancel(); }); !status.ok()) {
    return FromRole(status, "embedder", channel.address);
  }
  if (response.encoders().empty()) {
    return absl::FailedPreconditionError("the embedder has no encoder loaded: its log says why");
  }
  engine::ModelInfo info = InfoFromProto(response.encoders(0));
  PRECIS_ASSIGN_OR_RETURN(auto tokenizer, tokenizers_.Get(info.name));
  if (tokenizer->fingerprint() != info.tokenizer_fingerprint) {
    return absl::FailedPreconditionError(
        absl::StrCat("model '", info.name, "' here has tokenizer ", tokenizer->fingerprint().substr(0, 16),
                     ", the embedder's has ", info.tokenizer_fingerprint.substr(0, 16),
                     ": token counts would not hold; put the same model into both models folders"));
  }
  auto encoder = std::make_shared<Encoder>(channel, std::move(info), std::move(tokenizer));
  std::lock_guard<std::mutex> lock(mutex_);
  encoders_[model] = encoder;
  return std::shared_ptr<engine::Embedder>(encoder);
}

}  // namespace precis::services
