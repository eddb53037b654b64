// What the index stores and returns. One to one with precis/v1 common, collection, document and retrieval protos.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "precis/base/byte_range.h"
#include "precis/index/metadata.h"

namespace precis::index {

class Reranker;  // reranker.h

struct StageTiming {
  std::string stage;  // "parse", "split", "embed", "store", ...
  absl::Duration duration;
};

// Where a byte range of the stored text lies in the original file. Lines and pages count from 1, inclusive; 0: none.
struct SourceLocation {
  int line_begin = 0, line_end = 0;
  int page_begin = 0, page_end = 0;
  std::optional<ByteRange> original_range;
};

enum class VectorIndexKind { kAuto, kFlat, kHnsw };
enum class Metric { kCosine, kInnerProduct, kL2 };

struct CollectionOptions {
  std::string tenant;
  std::string name;                  // 1 to 128 of [A-Za-z0-9._-], not beginning with "."
  std::string encoder_model;         // plain name; empty: the default encoder
  std::string expected_fingerprint;  // empty: any
  Metric metric = Metric::kCosine;
  int max_tokens = 0;                 // of a chunk; 0: min(256, what fits the encoder)
  std::optional<int> overlap_tokens;  // default max_tokens / 8
  VectorIndexKind vector_index = VectorIndexKind::kAuto;
  std::string description;
};

struct IndexStatus {
  enum class State { kReady, kBuilding, kQuarantined };
  State state = State::kReady;
  uint64_t generation = 0;         // changes with every rebuild or swap
  uint64_t snapshot_sequence = 0;  // sequence number that the snapshot on disk covers
  int64_t live = 0, deleted = 0;   // entries
  int64_t memory_bytes = 0;
  std::string detail;  // a sentence where state is not kReady
};

struct CollectionInfo {
  CollectionOptions options;  // with the defaults filled in
  std::string encoder_fingerprint;
  int dimensions = 0;
  VectorIndexKind active_kind = VectorIndexKind::kFlat;
  IndexStatus vector_index, keyword_index;
  int64_t documents = 0, chunks = 0, tokens = 0, text_bytes = 0, size_bytes = 0;
  int64_t created_unix_ms = 0;
  uint64_t sequence = 0;  // of the last write
};

struct DocumentInput {
  std::string tenant, collection;
  std::string uri;         // absolute path or URL, 1 to 4,096 bytes
  std::string media_type;  // empty: from the URI's ending and the content
  std::string title;       // empty: from the content
  Metadata metadata;
  std::string content;  // original bytes
};

enum class IngestOutcome { kAdded, kReplaced, kUnchanged };

struct IngestResult {
  IngestOutcome outcome = IngestOutcome::kAdded;
  std::string document_id, version_id;
  int chunks = 0;
  int64_t tokens = 0, text_bytes = 0;
  uint64_t sequence = 0;
  std::vector<StageTiming> timings;   // "parse", "split", "embed", "store"
  std::vector<std::string> warnings;  // what the parser left out, one sentence each
};

struct DocumentInfo {
  std::string tenant, collection, document_id, version_id, uri, title, media_type, language;
  Metadata metadata;
  int64_t original_bytes = 0;
  std::string content_sha256;
  int64_t text_bytes = 0;
  int chunks = 0;
  int64_t tokens = 0;
  int64_t ingested_unix_ms = 0;
  uint64_t sequence = 0;
  std::vector<std::string> warnings;
};

struct PassageScores {
  double fused = 0;  // what passages are ordered by
  std::optional<double> dense, keyword;
  int dense_rank = 0, keyword_rank = 0;  // from 1; 0: was no candidate
  std::optional<double> rerank;          // where the search was reranked: what passages are ordered by then
};

struct Passage {
  std::string chunk_id, document_id, version_id, collection, uri, title;
  std::vector<std::string> heading_path;
  int ordinal = 0;   // of the chunk in its document
  std::string text;  // equals the stored text at `range`
  ByteRange range;   // in the document's stored text
  SourceLocation location;
  PassageScores scores;
  std::string text_hash;  // Sha256Hex(text)
  Metadata metadata;
  int tokens = 0;
  std::string media_type, language;
};

enum class SearchMode { kHybrid, kDense, kKeyword };

// How the passages found are judged again (reranker.h).
struct RerankRequest {
  std::shared_ptr<Reranker> reranker;  // null: there is none, and `why_none` says why
  std::string name, why_none;          // for the report
  int candidates = 0;                  // passages that are judged, at most 1,000, never fewer than top_k; 0: 20
  double weight = 1;                   // (0, 1]: of the new score; the rest is the old one's
  absl::Duration timeout = absl::InfiniteDuration();  // past it the search does without
};

struct SearchRequest {
  std::string tenant, collection;
  std::string query;
  int top_k = 10;  // 1 to 1,000
  SearchMode mode = SearchMode::kHybrid;
  std::optional<Filter> filter;
  int dense_candidates = 0;  // 0: max(4 * top_k, 100); never fewer than top_k
  int keyword_candidates = 0;
  std::optional<double> mmr_lambda;  // [0, 1]: 1 relevance only, 0 diversity only; absent: off
  std::optional<double> min_score;   // on the fused score
  bool include_text = true;
  std::optional<RerankRequest> rerank;
};

struct RerankReport {
  std::string name;
  int candidates = 0;
  std::string fallback_reason;  // why the order is that of the search alone, one sentence; empty where it is not
};

struct SearchReport {
  uint64_t read_epoch = 0;  // sequence number at which the texts were read
  uint64_t index_generation = 0;
  bool exact = true;          // every vector was compared
  bool query_pooled = false;  // the query was longer than the window and split
  bool query_cache_hit = false;
  std::string encoder_fingerprint;
  std::vector<StageTiming> timings;  // "embed", "dense", "keyword", "fuse", "read", "rerank"
  std::optional<RerankReport> rerank;
};

struct SearchResult {
  std::vector<Passage> passages;
  SearchReport report;
};

// One cache must drop what it made from a document.
struct ErasureRecord {
  std::string tenant, document_id;
  uint64_t delete_epoch = 0;
};

}  // namespace precis::index
