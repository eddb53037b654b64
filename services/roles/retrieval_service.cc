#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "convert/common.h"
#include "convert/index.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "roles/retriever_services.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr int kMaxQueries = 256;
constexpr int kMaxExplainedChunks = 100;

void SetError(const absl::Status& status, const char* reason, v1::SearchBatchResult* result) {
  result->Clear();
  ToProto(status, result->mutable_error());
  if (result->error().reason().empty()) result->mutable_error()->set_reason(reason);
}

}  // namespace

grpc::ServerUnaryReactor* RetrievalService::Search(grpc::CallbackServerContext* context,
                                                   const v1::SearchRequest* request, v1::SearchResponse* reply) {
  return RunUnary(parts_.host, "RetrievalService/Search", context, reply,
                  [this, request, reply](const CallContext& call) -> absl::Status {
                    PRECIS_ASSIGN_OR_RETURN(
                        index::SearchRequest search,
                        MakeSearch(request->tenant(), request->collection(), request->query(), request->options()));
                    PRECIS_RETURN_IF_ERROR(parts_.rerankers.Fill(request->options(), call, &search));
                    PRECIS_ASSIGN_OR_RETURN(const index::SearchResult result, parts_.index.Search(search, call));
                    ToProto(result, search.include_text, reply);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* RetrievalService::SearchBatch(grpc::CallbackServerContext* context,
                                                        const v1::SearchBatchRequest* request,
                                                        v1::SearchBatchResponse* reply) {
  return RunUnary(
      parts_.host, "RetrievalService/SearchBatch", context, reply,
      [this, request, reply](const CallContext& call) -> absl::Status {
        if (request->queries_size() > kMaxQueries) {
          return FieldError("queries",
                            absl::StrCat("has ", request->queries_size(), " entries, the limit is ", kMaxQueries));
        }
        PRECIS_RETURN_IF_ERROR(parts_.index.GetCollection(request->tenant(), request->collection()).status());
        std::vector<index::SearchRequest> searches;  // those that are valid
        std::vector<int> places;                     // and where their results go
        for (const v1::SearchQuery& query : request->queries()) {
          v1::SearchBatchResult* result = reply->add_results();
          const v1::SearchOptions& options = query.has_options() ? query.options() : request->options();
          auto search = MakeSearch(request->tenant(), request->collection(), query.query(), options);
          if (search.ok()) {
            const absl::Status filled = parts_.rerankers.Fill(options, call, &*search);
            PRECIS_RETURN_IF_ERROR(call.Check());
            if (!filled.ok()) search = filled;
          }
          if (search.ok()) {
            places.push_back(reply->results_size() - 1);
            searches.push_back(*std::move(search));
          } else {
            SetError(search.status(), query.query().empty() ? "EMPTY_QUERY" : "INVALID_OPTIONS", result);
          }
        }
        const auto results = parts_.index.SearchBatch(searches, call);
        PRECIS_RETURN_IF_ERROR(call.Check());
        int64_t bytes = 0;
        for (size_t i = 0; i < results.size(); ++i) {
          v1::SearchBatchResult* out = reply->mutable_results(places[i]);
          if (!results[i].ok()) {
            SetError(results[i].status(), "INVALID_OPTIONS", out);
            continue;
          }
          for (const index::Passage& passage : results[i]->passages) {
            ToProto(passage, searches[i].include_text, out->add_passages());
          }
          ToProto(results[i]->report, out->mutable_report());
          const auto size = static_cast<int64_t>(out->ByteSizeLong());
          if (bytes + size > parts_.host.max_message_bytes * 3 / 4) {
            SetError(
                absl::ResourceExhaustedError("the results of this batch do not fit one reply: ask for fewer queries, "
                                             "fewer passages, or no text"),
                "REPLY_TOO_LARGE", out);
          } else {
            bytes += size;
          }
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* RetrievalService::ExplainSearch(grpc::CallbackServerContext* context,
                                                          const v1::ExplainSearchRequest* request,
                                                          v1::ExplainSearchResponse* reply) {
  return RunUnary(parts_.host, "RetrievalService/ExplainSearch", context, reply,
                  [this, request, reply](const CallContext& call) -> absl::Status {
                    if (request->chunk_ids_size() > kMaxExplainedChunks) {
                      return FieldError("chunk_ids", absl::StrCat("has ", request->chunk_ids_size(),
                                                                  " entries, the limit is ", kMaxExplainedChunks));
                    }
                    PRECIS_ASSIGN_OR_RETURN(
                        const index::SearchRequest search,
                        MakeSearch(request->tenant(), request->collection(), request->query(), request->options()));
                    if (request->options().has_rerank()) {
                      return FieldError("options.rerank", "cannot be explained: leave it out");
                    }
                    const std::vector<std::string> chunks(request->chunk_ids().begin(), request->chunk_ids().end());
                    PRECIS_ASSIGN_OR_RETURN(const auto explanations, parts_.index.Explain(search, chunks, call));
                    for (const index::PassageExplanation& explanation : explanations) {
                      ToProto(explanation, search.include_text, reply->add_explanations());
                    }
                    return absl::OkStatus();
                  });
}

}  // namespace precis::services
