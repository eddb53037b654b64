#include "convert/index.h"

#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "convert/common.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr size_t kMaxQueryBytes = 64 << 10;  // the index's own limit, checked before anything is embedded
constexpr int kDefaultTopK = 10;
constexpr int kMaxTopK = 1000;
constexpr int kMaxCandidates = 10'000;

v1::IndexState ToProto(index::IndexStatus::State state) {
  switch (state) {
    case index::IndexStatus::State::kReady:
      return v1::INDEX_STATE_READY;
    case index::IndexStatus::State::kBuilding:
      return v1::INDEX_STATE_BUILDING;
    case index::IndexStatus::State::kQuarantined:
      return v1::INDEX_STATE_QUARANTINED;
  }
  return v1::INDEX_STATE_UNSPECIFIED;
}

void ToProto(const index::IndexStatus& status, v1::IndexStatus* out) {
  out->set_state(ToProto(status.state));
  out->set_generation(status.generation);
  out->set_snapshot_sequence(status.snapshot_sequence);
  out->set_live_count(status.live);
  out->set_deleted_count(status.deleted);
  out->set_memory_bytes(status.memory_bytes);
  out->set_detail(status.detail);
}

v1::VectorIndexKind ToProto(index::VectorIndexKind kind) {
  switch (kind) {
    case index::VectorIndexKind::kAuto:
      return v1::VECTOR_INDEX_KIND_AUTO;
    case index::VectorIndexKind::kFlat:
      return v1::VECTOR_INDEX_KIND_FLAT;
    case index::VectorIndexKind::kHnsw:
      return v1::VECTOR_INDEX_KIND_HNSW;
  }
  return v1::VECTOR_INDEX_KIND_UNSPECIFIED;
}

v1::DistanceMetric ToProto(index::Metric metric) {
  switch (metric) {
    case index::Metric::kCosine:
      return v1::DISTANCE_METRIC_COSINE;
    case index::Metric::kInnerProduct:
      return v1::DISTANCE_METRIC_INNER_PRODUCT;
    case index::Metric::kL2:
      return v1::DISTANCE_METRIC_L2;
  }
  return v1::DISTANCE_METRIC_UNSPECIFIED;
}

absl::Status CheckRange(std::string_view field, int64_t value, int64_t minimum, int64_t maximum) {
  if (value >= minimum && value <= maximum) return absl::OkStatus();
  return FieldError(field, absl::StrCat("is ", value, ", it must be from ", minimum, " to ", maximum));
}

}  // namespace

index::CollectionOptions FromProto(const v1::CreateCollectionRequest& request) {
  index::CollectionOptions options;
  options.tenant = request.tenant();
  options.name = request.name();
  options.encoder_model = request.encoder_model();
  options.expected_fingerprint = request.expected_fingerprint();
  options.metric = request.metric() == v1::DISTANCE_METRIC_INNER_PRODUCT ? index::Metric::kInnerProduct
                   : request.metric() == v1::DISTANCE_METRIC_L2          ? index::Metric::kL2
                                                                         : index::Metric::kCosine;
  options.max_tokens = request.splitter().max_tokens();
  if (request.splitter().has_overlap_tokens()) options.overlap_tokens = request.splitter().overlap_tokens();
  options.vector_index = request.vector_index_kind() == v1::VECTOR_INDEX_KIND_FLAT   ? index::VectorIndexKind::kFlat
                         : request.vector_index_kind() == v1::VECTOR_INDEX_KIND_HNSW ? index::VectorIndexKind::kHnsw
                                                                                     : index::VectorIndexKind::kAuto;
  options.description = request.description();
  return options;
}

void ToProto(const index::CollectionInfo& info, v1::Collection* out) {
  out->set_tenant(info.options.tenant);
  out->set_name(info.options.name);
  out->set_encoder_model(info.options.encoder_model);
  out->set_encoder_fingerprint(info.encoder_fingerprint);
  out->set_dimensions(info.dimensions);
  out->set_metric(ToProto(info.options.metric));
  out->mutable_splitter()->set_max_tokens(info.options.max_tokens);
  if (info.options.overlap_tokens) out->mutable_splitter()->set_overlap_tokens(*info.options.overlap_tokens);
  out->set_vector_index_kind(ToProto(info.options.vector_index));
  out->set_active_vector_index_kind(ToProto(info.active_kind));
  ToProto(info.vector_index, out->mutable_vector_index());
  ToProto(info.keyword_index, out->mutable_keyword_index());
  out->set_document_count(info.documents);
  out->set_chunk_count(info.chunks);
  out->set_token_count(info.tokens);
  out->set_text_bytes(info.text_bytes);
  out->set_size_bytes(info.size_bytes);
  out->set_created_unix_ms(info.created_unix_ms);
  out->set_sequence(info.sequence);
  out->set_description(info.options.description);
}

void ToProto(const index::DocumentInfo& info, v1::Document* out) {
  out->set_tenant(info.tenant);
  out->set_collection(info.collection);
  out->set_document_id(info.document_id);
  out->set_version_id(info.version_id);
  out->set_uri(info.uri);
  out->set_title(info.title);
  out->set_media_type(info.media_type);
  out->set_language(info.language);
  MetadataToProto(info.metadata, out->mutable_metadata());
  out->set_original_bytes(info.original_bytes);
  out->set_content_sha256(info.content_sha256);
  out->set_text_bytes(info.text_bytes);
  out->set_chunk_count(info.chunks);
  out->set_token_count(info.tokens);
  out->set_ingested_unix_ms(info.ingested_unix_ms);
  out->set_sequence(info.sequence);
  for (const std::string& warning : info.warnings) out->add_warnings(warning);
}

void ToProto(const index::IngestResult& result, v1::IngestResult* out) {
  switch (result.outcome) {
    case index::IngestOutcome::kAdded:
      out->set_outcome(v1::INGEST_OUTCOME_ADDED);
      break;
    case index::IngestOutcome::kReplaced:
      out->set_outcome(v1::INGEST_OUTCOME_REPLACED);
      break;
    case index::IngestOutcome::kUnchanged:
      out->set_outcome(v1::INGEST_OUTCOME_UNCHANGED);
      break;
  }
  out->set_document_id(result.document_id);
  out->set_version_id(result.version_id);
  out->set_chunk_count(result.chunks);
  out->set_token_count(result.tokens);
  out->set_text_bytes(result.text_bytes);
  out->set_sequence(result.sequence);
  for (const index::StageTiming& timing : result.timings) ToProto(timing.stage, timing.duration, out->add_timings());
  for (const std::string& warning : result.warnings) out->add_warnings(warning);
}

absl::StatusOr<index::SearchRequest> MakeSearch(const std::string& tenant, const std::string& collection,
                                                const std::string& query, const v1::SearchOptions& options) {
  if (query.size() > kMaxQueryBytes) {
    return FieldError("query", absl::StrCat("has ", query.size(), " bytes, the limit is ", kMaxQueryBytes));
  }
  if (absl::StripAsciiWhitespace(query).empty()) return FieldError("query", "is empty: ask something");
  if (!IsValidUtf8(query)) return FieldError("query", "is not UTF-8");
  index::SearchRequest request;
  request.tenant = tenant;
  request.collection = collection;
  request.query = query;
  request.top_k = options.top_k() == 0 ? kDefaultTopK : options.top_k();
  PRECIS_RETURN_IF_ERROR(CheckRange("options.top_k", request.top_k, 1, kMaxTopK));
  PRECIS_RETURN_IF_ERROR(CheckRange("options.dense_candidates", options.dense_candidates(), 0, kMaxCandidates));
  PRECIS_RETURN_IF_ERROR(CheckRange("options.keyword_candidates", options.keyword_candidates(), 0, kMaxCandidates));
  request.dense_candidates = options.dense_candidates();
  request.keyword_candidates = options.keyword_candidates();
  request.mode = options.mode() == v1::SEARCH_MODE_DENSE     ? index::SearchMode::kDense
                 : options.mode() == v1::SEARCH_MODE_KEYWORD ? index::SearchMode::kKeyword
                                                             : index::SearchMode::kHybrid;
  if (options.has_filter()) {
    PRECIS_ASSIGN_OR_RETURN(request.filter, FromProto(options.filter()));
  }
  if (options.has_mmr_lambda()) {
    if (!(options.mmr_lambda() >= 0 && options.mmr_lambda() <= 1)) {
      return FieldError("options.mmr_lambda", "must be from 0 to 1");
    }
    request.mmr_lambda = options.mmr_lambda();
  }
  if (options.has_min_score()) {
    if (!std::isfinite(options.min_score())) return FieldError("options.min_score", "must be a finite number");
    request.min_score = options.min_score();
  }
  request.include_text = options.include_text();
  return request;
}

void ToProto(const index::SearchReport& report, v1::SearchReport* out) {
  out->set_read_epoch(report.read_epoch);
  out->set_index_generation(report.index_generation);
  out->set_exact(report.exact);
  out->set_query_pooled(report.query_pooled);
  out->set_query_cache_hit(report.query_cache_hit);
  out->set_encoder_fingerprint(report.encoder_fingerprint);
  for (const index::StageTiming& timing : report.timings) ToProto(timing.stage, timing.duration, out->add_timings());
  if (report.rerank) {
    out->mutable_rerank()->set_name(report.rerank->name);
    out->mutable_rerank()->set_candidate_count(report.rerank->candidates);
    out->mutable_rerank()->set_fallback_reason(report.rerank->fallback_reason);
  }
}

void ToProto(const index::SearchResult& result, bool include_text, v1::SearchResponse* out) {
  for (const index::Passage& passage : result.passages) ToProto(passage, include_text, out->add_passages());
  ToProto(result.report, out->mutable_report());
}

void ToProto(const index::PassageExplanation& explanation, bool include_text, v1::PassageExplanation* out) {
  ToProto(explanation.passage, include_text, out->mutable_passage());
  out->set_rank(explanation.rank);
  out->set_filter_matched(explanation.filter_matched);
  for (const index::TermExplanation& term : explanation.terms) {
    v1::TermScore* score = out->add_terms();
    score->set_term(term.term);
    score->set_term_frequency(term.term_frequency);
    score->set_document_frequency(term.document_frequency);
    score->set_score(term.score);
  }
  out->set_reason(explanation.reason);
}

}  // namespace precis::services
