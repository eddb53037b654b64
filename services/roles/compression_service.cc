#include "roles/compression_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/compression.h"
#include "precis/base/status_macros.h"
#include "runtime/bidi_call.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

constexpr size_t kMaxPartBytes = 1 << 20;
constexpr absl::Duration kProgressInterval = absl::Milliseconds(100);
// A compression does not wait longer for an embedder that does not answer.
constexpr absl::Duration kEncoderTimeout = absl::Seconds(5);

// The request comes first, then passages, each followed by the rest of its text; at the end of the client's side the
// work begins. Nothing but the parts is kept meanwhile, at most compress::kMaxInputBytes of them.
class CompressStreamCall final : public BidiCall<v1::CompressStreamRequest, v1::CompressStreamResponse> {
 public:
  CompressStreamCall(Compressors& compressors, const Host& host, grpc::CallbackServerContext* context)
      : BidiCall(host, "CompressionService/CompressStream", context, 16), compressors_(compressors) {
    ReadNext();
  }

 private:
  void OnMessage(v1::CompressStreamRequest* message) override {
    absl::Status status = Accept(message);
    if (!status.ok()) return End(status);
    ReadNext();
  }

  absl::Status Accept(v1::CompressStreamRequest* message) {
    switch (message->part_case()) {
      case v1::CompressStreamRequest::kStart:
        if (started_) return absl::InvalidArgumentError("parts out of order: the request comes once, and first");
        started_ = true;
        request_.Swap(message->mutable_start());
        for (const v1::Passage& passage : request_.passages()) bytes_ += static_cast<int64_t>(passage.text().size());
        break;
      case v1::CompressStreamRequest::kPassage:
        if (!started_) return absl::InvalidArgumentError("parts out of order: the request comes first");
        bytes_ += static_cast<int64_t>(message->passage().text().size());
        request_.add_passages()->Swap(message->mutable_passage());
        break;
      case v1::CompressStreamRequest::kText:
        if (request_.passages().empty()) {
          return absl::InvalidArgumentError("parts out of order: text follows the passage that it belongs to");
        }
        if (message->text().size() > kMaxPartBytes) {
          return absl::InvalidArgumentError(
              absl::StrCat("a text part has ", message->text().size(), " bytes, the limit is ", kMaxPartBytes));
        }
        bytes_ += static_cast<int64_t>(message->text().size());
        *request_.mutable_passages(request_.passages_size() - 1)->mutable_text() += message->text();
        break;
      case v1::CompressStreamRequest::PART_NOT_SET:
        return absl::InvalidArgumentError("parts out of order: a message without a part");
    }
    if (bytes_ > compress::kMaxInputBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the passages have more than ", compress::kMaxInputBytes,
                                                       " bytes, which is the limit of one call: send fewer"));
    }
    return absl::OkStatus();
  }

  void OnEnd() override {
    if (absl::Status alive = call().Check(); !alive.ok()) return End(alive);
    if (!started_) return End(absl::InvalidArgumentError("the stream ended without a request"));
    const absl::Status accepted = host().executor->Submit([this] { End(Work()); });
    if (!accepted.ok()) End(accepted);
  }

  absl::Status Work() {
    absl::Time last_progress = absl::InfinitePast();
    const auto progress = [&](const std::string& stage, int64_t done, int64_t total) {
      const absl::Time now = absl::Now();
      if (now - last_progress < kProgressInterval) return;
      last_progress = now;
      v1::CompressStreamResponse event;
      event.mutable_progress()->set_stage(stage);
      event.mutable_progress()->set_done(done);
      event.mutable_progress()->set_total(total);
      outgoing().Push(std::move(event));
    };
    v1::CompressStreamResponse last;
    PRECIS_RETURN_IF_ERROR(compressors_.Compress(request_, call(), progress, *host().metrics, last.mutable_result()));
    if (static_cast<int64_t>(last.ByteSizeLong()) > host().max_message_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the context with its spans has ", last.ByteSizeLong(),
                                                       " bytes, a message takes ", host().max_message_bytes,
                                                       ": choose a smaller budget"));
    }
    if (!outgoing().Write(std::move(last))) return absl::CancelledError("the client is gone");
    return absl::OkStatus();
  }

  Compressors& compressors_;
  bool started_ = false;
  int64_t bytes_ = 0;
  v1::CompressRequest request_;
};

}  // namespace

Compressors::Compressors(RemoteEncoders& encoders, RemoteGenerators& generators,
                         std::shared_ptr<cache::TaggedCache> cache, const ModelSource& models, const Config& config)
    : encoders_(encoders),
      generators_(generators),
      cache_(std::move(cache)),
      models_(models),
      config_(config),
      tokenizers_(models) {}

compress::Resources Compressors::ResourcesFor(const std::vector<compress::Step>& steps, const CallContext& call) {
  compress::Resources resources;
  resources.cache = cache_;
  auto embedder = encoders_.Get(config_.encoder, call.WithDeadline(absl::Now() + kEncoderTimeout));
  if (embedder.ok()) resources.embedder = *std::move(embedder);
  bool uses_generator = false, needs_scorer = false;
  for (const compress::MethodInfo& method : compress::Compressor::Make({})->ListMethods()) {
    const bool named =
        std::any_of(steps.begin(), steps.end(), [&](const compress::Step& step) { return step.method == method.name; });
    uses_generator |= named && method.uses_generator;
    needs_scorer |= named && (method.needs_scorer || method.uses_scorer);
  }
  if (uses_generator) {
    auto generator = generators_.Generator(config_.generator, call);
    if (generator.ok()) resources.generator = *std::move(generator);
    resources.no_generator = std::string(generator.status().message());
  }
  if (needs_scorer) {
    auto scorer = generators_.Scorer(config_.scorer, call);
    if (scorer.ok()) {
      resources.scorer = scorer->scorer;
      resources.segment_scorer = scorer->segments;
      resources.scorer_info = scorer->info;
    }
    resources.no_scorer = std::string(scorer.status().message());
  }
  return resources;
}

std::vector<compress::MethodInfo> Compressors::ListMethods(const CallContext& call) {
  auto methods = compress::Compressor::Make(ResourcesFor({}, call))->ListMethods();
  const auto scorer = generators_.Find(config_.scorer, call);
  const auto generator = generators_.Find(config_.generator, call);
  for (compress::MethodInfo& method : methods) {
    if (!method.needs_scorer && !method.needs_generator) continue;
    // Listing loads nothing: what is there will be loaded by the call that needs it.
    const absl::Status& found = method.needs_scorer ? scorer.status() : generator.status();
    method.available = found.ok();
    method.unavailable_reason = std::string(found.message());
  }
  return methods;
}

absl::Status Compressors::Compress(const v1::CompressRequest& request, const CallContext& call,
                                   const compress::ProgressSink& progress, Metrics& metrics,
                                   v1::CompressResponse* reply) {
  PRECIS_ASSIGN_OR_RETURN(compress::Request converted, FromProto(request));
  std::string model = request.options().target_model();
  if (model.empty()) {
    PRECIS_ASSIGN_OR_RETURN(const DefaultGenerator generator, FindDefaultGenerator(models_, config_.generator));
    model = generator.name;
  }
  PRECIS_ASSIGN_OR_RETURN(const auto tokenizer, tokenizers_.Get(model));
  converted.budget.tokenizer = tokenizer.get();
  compress::Resources resources = ResourcesFor(converted.steps, call);
  auto compressed = compress::Compressor::Make(resources)->Compress(converted, call, progress);
  if (absl::IsUnavailable(compressed.status()) && converted.fallback_policy == compress::FallbackPolicy::kGentler) {
    // The embedder went away in the middle: methods that can do without it go on, and the receipt says which.
    resources.embedder = nullptr;
    compressed = compress::Compressor::Make(std::move(resources))->Compress(converted, call, progress);
  }
  PRECIS_ASSIGN_OR_RETURN(const compress::Context context, std::move(compressed));
  ToProto(context, converted.passages, reply->mutable_context());
  ToProto(context.receipt, model, reply->mutable_receipt());
  metrics.Add("precis_tokens_total", {{"direction", "context_in"}}, static_cast<double>(context.receipt.tokens_in));
  metrics.Add("precis_tokens_total", {{"direction", "context_out"}}, static_cast<double>(context.receipt.tokens_out));
  metrics.Add("precis_tokens_saved_total", {},
              static_cast<double>(std::max<int64_t>(0, context.receipt.tokens_in - context.receipt.tokens_out)));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* CompressionService::Compress(grpc::CallbackServerContext* context,
                                                       const v1::CompressRequest* request,
                                                       v1::CompressResponse* reply) {
  return RunUnary(host_, "CompressionService/Compress", context, reply,
                  [this, request, reply](const CallContext& call) {
                    return compressors_.Compress(*request, call, {}, *host_.metrics, reply);
                  });
}

grpc::ServerBidiReactor<v1::CompressStreamRequest, v1::CompressStreamResponse>* CompressionService::CompressStream(
    grpc::CallbackServerContext* context) {
  return new CompressStreamCall(compressors_, host_, context);
}

grpc::ServerUnaryReactor* CompressionService::ListMethods(grpc::CallbackServerContext* context,
                                                          const v1::ListMethodsRequest*,
                                                          v1::ListMethodsResponse* reply) {
  return RunUnary(host_, "CompressionService/ListMethods", context, reply, [this, reply](const CallContext& call) {
    for (const compress::MethodInfo& method : compressors_.ListMethods(call)) {
      ToProto(method, reply->add_methods());
    }
    return absl::OkStatus();
  });
}

}  // namespace precis::services
