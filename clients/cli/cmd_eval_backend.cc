#include "cli/cmd_eval_backend.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "precis/base/status_macros.h"

namespace precis::cli {
namespace {

constexpr size_t kPartBytes = 512 << 10;
constexpr int kWindow = 64;  // documents under way without an answer
constexpr char kUriPrefix[] = "eval:///";

absl::Status ToAbsl(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  if (Interrupted()) return absl::CancelledError("interrupted");
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::string Uri(const eval::Document& document) { return kUriPrefix + document.id; }

class GrpcBackend final : public eval::Backend {
 public:
  explicit GrpcBackend(const Globals& globals) : globals_(globals), client_(globals) {}

  absl::StatusOr<eval::ModelIdentity> LoadGenerator(const std::string& name) override {
    std::string wanted = name;
    v1::ListModelsRequest list;
    list.set_kind(v1::MODEL_KIND_GENERATOR);
    v1::ListModelsResponse models;
    PRECIS_RETURN_IF_ERROR(Call([&](auto* context) { return client_.generation->ListModels(context, list, &models); }));
    for (const v1::Model& model : models.models()) {
      if (wanted.empty() && model.is_default()) wanted = model.name();
    }
    if (wanted.empty()) return absl::NotFoundError("the server has no generator: name one with --generators");
    v1::LoadModelRequest load;
    load.set_tenant(globals_.tenant);
    load.set_name(wanted);
    v1::LoadModelResponse loaded;
    PRECIS_RETURN_IF_ERROR(Call([&](auto* context) { return client_.generation->LoadModel(context, load, &loaded); }));
    const v1::Model& model = loaded.model();
    return eval::ModelIdentity{model.name(), model.fingerprint(), model.tokenizer_fingerprint(), model.max_tokens()};
  }

  absl::StatusOr<std::map<std::string, int>> Methods() override {
    v1::ListMethodsResponse response;
    PRECIS_RETURN_IF_ERROR(
        Call([&](auto* context) { return client_.compression->ListMethods(context, {}, &response); }));
    std::map<std::string, int> methods;
    for (const v1::Method& method : response.methods()) {
      if (method.available()) methods[method.name()] = method.algorithm_version();
    }
    return methods;
  }

  absl::StatusOr<std::string> EncoderFingerprint() override {
    v1::InfoResponse info;
    const absl::Status status = Call([&](auto* context) { return client_.embedding->Info(context, {}, &info); });
    if (absl::IsNotFound(status)) return "";
    PRECIS_RETURN_IF_ERROR(status);
    return info.encoders().empty() ? std::string() : info.encoders(0).fingerprint();
  }

  absl::Status Ingest(const std::string& collection, const eval::QuestionSet& set,
                      const std::function<void(int)>& progress) override {
    v1::CreateCollectionRequest create;
    create.set_tenant(globals_.tenant);
    create.set_name(collection);
    create.set_description("made by 'precis eval' for the question set " + set.name.substr(0, 200));
    v1::CreateCollectionResponse created;
    const absl::Status status =
        Call([&](auto* context) { return client_.collections->CreateCollection(context, create, &created); });
    if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
    v1::GetCollectionRequest get;
    get.set_tenant(globals_.tenant);
    get.set_name(collection);
    v1::GetCollectionResponse got;
    PRECIS_RETURN_IF_ERROR(Call([&](auto* context) { return client_.collections->GetCollection(context, get, &got); }));
    int64_t wanted = 0;
    for (const eval::Document& document : set.documents) wanted += !document.text.empty();
    if (got.collection().document_count() != wanted) {
      PRECIS_RETURN_IF_ERROR(Send(collection, set, progress));
    }
    return absl::OkStatus();
  }

  absl::Status DropCollection(const std::string& collection) override {
    v1::DeleteCollectionRequest request;
    request.set_tenant(globals_.tenant);
    request.set_name(collection);
    v1::DeleteCollectionResponse response;
    return Call([&](auto* context) { return client_.collections->DeleteCollection(context, request, &response); });
  }

  absl::StatusOr<eval::Search> Find(const std::string& collection, const eval::QuestionSet& set,
                                    const eval::Question& question, int top_k, const std::string& mode) override {
    v1::SearchRequest request;
    request.set_tenant(globals_.tenant);
    request.set_collection(collection);
    request.set_query(question.question);
    v1::SearchOptions* options = request.mutable_options();
    options->set_top_k(top_k);
    options->set_include_text(true);
    if (mode == "dense") options->set_mode(v1::SEARCH_MODE_DENSE);
    if (mode == "keyword") options->set_mode(v1::SEARCH_MODE_KEYWORD);
    if (!question.exclude_documents.empty()) {
      v1::FieldIn* in = options->mutable_filter()->mutable_negation()->mutable_is_in();
      in->set_field("$uri");
      for (int document : question.exclude_documents) in->add_values()->set_string_value(Uri(set.documents[document]));
    }
    v1::SearchResponse response;
    PRECIS_RETURN_IF_ERROR(Call([&](auto* context) { return client_.retrieval->Search(context, request, &response); }));
    eval::Search found;
    found.read_epoch = response.report().read_epoch();
    for (const v1::Passage& passage : response.passages()) {
      const int document = IndexOf(set, passage.uri());
      if (document < 0)
        return absl::InternalError(absl::StrCat("the search found '", passage.uri(), "', which is not of the set"));
      found.passages.push_back({document, passage.range().begin(), passage.text(), passage.document_id(),
                                passage.version_id(), passage.scores().fused()});
    }
    return found;
  }

  absl::StatusOr<int64_t> CountTokens(const std::string& model, const std::string& text) override {
    v1::TokenizeRequest request;
    request.set_model(model);
    request.set_text(text);
    v1::TokenizeResponse response;
    PRECIS_RETURN_IF_ERROR(
        Call([&](auto* context) { return client_.generation->Tokenize(context, request, &response); }));
    return response.token_count();
  }

  absl::StatusOr<eval::Compression> Compress(const eval::CompressCall& call) override {
    v1::CompressRequest request;
    request.set_tenant(call.tenant);
    request.set_query(call.query);
    request.set_read_epoch(call.read_epoch);
    CompressionFlags flags;
    flags.budget = static_cast<int>(call.budget);
    flags.methods = {call.method};
    flags.target_model = call.target_model;
    flags.protect = call.protect;
    PRECIS_RETURN_IF_ERROR(flags.Fill(request.mutable_options()));
    for (const char* reserved : {"<context>", "</context>"}) {
      request.mutable_options()->mutable_format()->add_reserved(reserved);
    }
    for (const eval::Passage& from : *call.passages) {
      v1::Passage* passage = request.add_passages();
      passage->set_text(from.text);
      passage->set_document_id(from.document_id);
      passage->set_version_id(from.version_id);
      if (!from.document_id.empty()) {
        passage->mutable_range()->set_begin(from.begin);
        passage->mutable_range()->set_end(from.begin + static_cast<int64_t>(from.text.size()));
        passage->mutable_scores()->set_fused(from.score);
      }
    }
    v1::CompressResponse response;
    const auto start = std::chrono::steady_clock::now();
    PRECIS_RETURN_IF_ERROR(
        Call([&](auto* context) { return client_.compression->Compress(context, request, &response); }));
    eval::Compression result = Convert(response);
    result.wall_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    return result;
  }

  absl::StatusOr<eval::Generation> Generate(const std::string& model, const std::string& tenant,
                                            const std::string& system, const std::string& user,
                                            int max_tokens) override {
    v1::GenerateRequest request;
    request.set_tenant(tenant);
    request.set_model(model);
    request.set_max_tokens(max_tokens);
    v1::ChatMessage* message = request.mutable_chat()->add_messages();
    message->set_role(v1::CHAT_ROLE_SYSTEM);
    message->set_content(system);
    message = request.mutable_chat()->add_messages();
    message->set_role(v1::CHAT_ROLE_USER);
    message->set_content(user);
    auto context = client_.Context();
    CancelOnInterrupt cancel(context.get());
    const auto stream = client_.generation->Generate(context.get(), request);
    eval::Generation result;
    v1::GenerateResponse event;
    while (stream->Read(&event)) {
      if (event.has_delta()) result.text += event.delta().text();
      if (!event.has_done()) continue;
      const v1::GenerateDone& done = event.done();
      result.prompt_tokens = done.usage().prompt_tokens();
      result.completion_tokens = done.usage().completion_tokens();
      result.cut = done.finish_reason() == v1::FINISH_REASON_LENGTH;
      result.first_token_ms = static_cast<double>(done.timings().time_to_first_token_us()) / 1000;
    }
    PRECIS_RETURN_IF_ERROR(ToAbsl(stream->Finish()));
    return result;
  }

  absl::StatusOr<std::vector<float>> Score(const std::string& model, const std::string& context_text,
                                           const std::string& text) override {
    v1::ScoreTokensRequest request;
    request.set_model(model);
    request.set_context(context_text);
    request.set_text(text);
    v1::ScoreTokensResponse response;
    PRECIS_RETURN_IF_ERROR(
        Call([&](auto* context) { return client_.generation->ScoreTokens(context, request, &response); }));
    std::vector<float> logprobs;
    for (const v1::ScoredToken& token : response.tokens()) logprobs.push_back(token.logprob());
    return logprobs;
  }

 private:
  template <class Invoke>
  absl::Status Call(const Invoke& invoke) {
    auto context = client_.Context();
    CancelOnInterrupt cancel(context.get());
    return ToAbsl(invoke(context.get()));
  }

  int IndexOf(const eval::QuestionSet& set, const std::string& uri) {
    if (by_uri_.empty()) {
      for (size_t i = 0; i < set.documents.size(); ++i) by_uri_[Uri(set.documents[i])] = static_cast<int>(i);
    }
    const auto found = by_uri_.find(uri);
    return found == by_uri_.end() ? -1 : found->second;
  }

  // All documents in one stream, a window of them ahead of the answers.
  absl::Status Send(const std::string& collection, const eval::QuestionSet& set,
                    const std::function<void(int)>& progress) {
    auto context = client_.Context();
    CancelOnInterrupt cancel(context.get());
    const auto stream = client_.documents->IngestDocuments(context.get());
    std::mutex mutex;
    std::condition_variable changed;
    int under_way = 0, done = 0;
    bool ended = false;
    absl::Status failure;
    std::thread reader([&] {
      v1::IngestDocumentsResponse response;
      while (stream->Read(&response)) {
        std::lock_guard lock(mutex);
        --under_way;
        progress(++done);
        if (response.result().outcome() == v1::INGEST_OUTCOME_FAILED && failure.ok()) {
          failure = absl::FailedPreconditionError(absl::StrCat(
              "document '", response.result().uri(), "' could not be stored: ", response.result().error().message()));
        }
        changed.notify_one();
      }
      std::lock_guard lock(mutex);
      ended = true;
      changed.notify_one();
    });
    for (const eval::Document& document : set.documents) {
      if (document.text.empty()) continue;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return under_way < kWindow || ended; });
        if (ended || !failure.ok()) break;
        ++under_way;
      }
      v1::IngestDocumentsRequest message;
      v1::IngestHeader* header = message.mutable_header();
      header->set_tenant(globals_.tenant);
      header->set_collection(collection);
      header->set_uri(Uri(document));
      header->set_title(document.title);
      header->set_media_type("text/plain");
      header->set_size_bytes(static_cast<int64_t>(document.text.size()));
      bool sent = stream->Write(message);
      for (size_t at = 0; sent && at < document.text.size(); at += kPartBytes) {
        message.set_content(document.text.substr(at, kPartBytes));
        sent = stream->Write(message);
      }
      message.mutable_end();
      if (!sent || !stream->Write(message)) break;
    }
    stream->WritesDone();
    reader.join();
    PRECIS_RETURN_IF_ERROR(ToAbsl(stream->Finish()));
    return failure;
  }

  static eval::Compression Convert(const v1::CompressResponse& response) {
    eval::Compression out;
    out.context.text = response.context().text();
    for (const v1::ContextSpan& span : response.context().spans()) {
      out.context.spans.push_back({span.output().begin(),
                                   span.output().end(),
                                   span.verbatim(),
                                   span.kind() == v1::SPAN_KIND_DELIMITER,
                                   span.has_passage_index() ? span.passage_index() : -1,
                                   span.source().begin(),
                                   span.source().end(),
                                   {span.cited_passages().begin(), span.cited_passages().end()},
                                   span.mark_number()});
    }
    const v1::Receipt& receipt = response.receipt();
    if (receipt.has_fidelity()) out.fidelity = receipt.fidelity();
    for (const v1::ProtectedCount& count : receipt.protected_counts()) {
      out.protected_found += count.found();
      out.protected_kept += count.kept();
      if (!count.required()) continue;
      out.required_found += count.found();
      out.required_kept += count.kept();
    }
    out.cache_hit = receipt.cache_outcome() == v1::CACHE_OUTCOME_HIT;
    for (const v1::StepReceipt& step : receipt.steps()) {
      absl::StrAppend(&out.steps, out.steps.empty() ? "" : " | ", step.method());
    }
    for (const v1::Fallback& fallback : receipt.fallbacks()) {
      absl::StrAppend(&out.steps, "; ", fallback.from_method(), " -> ", fallback.to_method(), ": ", fallback.reason());
    }
    return out;
  }

  const Globals& globals_;
  Client client_;
  std::map<std::string, int> by_uri_;
};

}  // namespace

std::unique_ptr<eval::Backend> MakeEvalBackend(const Globals& globals) {
  return std::make_unique<GrpcBackend>(globals);
}

}  // namespace precis::cli
