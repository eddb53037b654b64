// The retriever: documents in, passages out. RocksDB is the truth; vector and keyword indexes are derived from it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/engine/embedder.h"
#include "precis/index/types.h"

namespace precis::index {

struct IndexOptions {
  std::string data_dir;  // created if missing; locked: one process at a time
  // Gives the encoder of a plain name (empty: the default one). May be remote. Called from any thread.
  std::function<absl::StatusOr<std::shared_ptr<engine::Embedder>>(const std::string& model)> encoder;
  int64_t max_document_bytes = 64 << 20;  // original bytes
  int64_t flat_limit = 50'000;            // chunks up to which kAuto searches exactly
  // Chunks written after a graph was made, and so searched exactly, before it is made and saved anew; more when the
  // graph holds more than four times as many.
  int64_t snapshot_every = 10'000;
};

// A query longer than this is refused: InvalidArgument.
inline constexpr int64_t kMaxQueryBytes = 64 << 10;

// Which document: one of the two is set.
struct DocumentKey {
  std::string document_id;
  std::string uri;
};

struct DocumentPage {
  std::vector<DocumentInfo> documents;  // by URI
  std::string next_page_token;          // empty: last page
  uint64_t sequence = 0;
};

struct DeleteResult {
  uint64_t sequence = 0;  // also the delete epoch
  std::vector<std::string> document_ids;
};

struct DeleteByFilterOptions {
  Filter filter;
  uint64_t max_sequence = 0;  // only documents whose version was written at or before; 0: all
  int64_t max_documents = 0;  // FailedPrecondition, and nothing deleted, if more match; 0: no bound
  bool dry_run = false;
};

struct ExportedChunk {
  std::string chunk_id;
  int ordinal = 0;
  ByteRange range;
  std::vector<std::string> heading_path;
  int tokens = 0;
  SourceLocation location;
  std::vector<float> vector;
};

struct TermExplanation {
  std::string term;
  int term_frequency = 0;
  int64_t document_frequency = 0;
  double score = 0;
};

struct PassageExplanation {
  Passage passage;
  int rank = 0;  // from 1; 0: not among the results
  bool filter_matched = true;
  std::vector<TermExplanation> terms;
  std::string reason;  // why it is or is not among the results, one sentence
};

struct IndexStats {
  int64_t collections = 0, documents = 0, chunks = 0, text_bytes = 0, disk_bytes = 0, memory_bytes = 0;
  uint64_t sequence = 0;
  int64_t erasures_pending = 0;
  int64_t damaged_documents = 0;     // stored, but left out of search and lists
  std::vector<std::string> notices;  // damaged documents, quarantined or building indexes; one sentence each
};

// Thread-safe. Every mutation that returns OK is durable: it survives kill -9 and power loss. Errors common to all:
// NotFound (collection, document), InvalidArgument (names the value and the limit), ResourceExhausted (disk full: reads
// go on), DataLoss (the document asked for is damaged; the others are served), FailedPrecondition (the encoder's
// fingerprint is not the collection's; both are named), Cancelled, DeadlineExceeded.
class Index {
 public:
  // FailedPrecondition when another process holds `data_dir`; the message says which folder. A damaged document does
  // not stop it: it is set aside, named by Stats and answered with DataLoss until it is ingested again or deleted.
  static absl::StatusOr<std::unique_ptr<Index>> Open(IndexOptions options);
  virtual ~Index() = default;  // stops background work; graphs are saved when they are made, the rest is in RocksDB

  virtual absl::StatusOr<CollectionInfo> CreateCollection(const CollectionOptions& options) = 0;  // AlreadyExists
  virtual absl::StatusOr<CollectionInfo> GetCollection(const std::string& tenant, const std::string& name) = 0;
  virtual absl::StatusOr<std::vector<CollectionInfo>> ListCollections(const std::string& tenant) = 0;  // by name
  virtual absl::StatusOr<DeleteResult> DeleteCollection(const std::string& tenant, const std::string& name) = 0;

  // Parses, splits, embeds and stores one document; equal version: kUnchanged without any work but hashing. Errors of
  // the document carry a reason (precis/base/reason.h): INVALID_HEADER, TOO_LARGE, and those of the parser.
  virtual absl::StatusOr<IngestResult> Ingest(const DocumentInput& document, const CallContext& call) = 0;

  virtual absl::StatusOr<DocumentInfo> GetDocument(const std::string& tenant, const std::string& collection,
                                                   const DocumentKey& key) = 0;
  // The stored text of the current version, or the part `range` (moved inwards to characters). `location`, if not
  // null, receives the part's place in the original.
  virtual absl::StatusOr<std::string> ReadText(const std::string& tenant, const std::string& collection,
                                               const DocumentKey& key, std::optional<ByteRange> range,
                                               ByteRange* actual_range, SourceLocation* location) = 0;
  virtual absl::StatusOr<DocumentPage> ListDocuments(const std::string& tenant, const std::string& collection,
                                                     const std::optional<Filter>& filter, const std::string& uri_prefix,
                                                     int page_size, const std::string& page_token) = 0;
  virtual absl::StatusOr<DeleteResult> DeleteDocument(const std::string& tenant, const std::string& collection,
                                                      const DocumentKey& key) = 0;
  virtual absl::StatusOr<DeleteResult> DeleteDocumentsByFilter(const std::string& tenant, const std::string& collection,
                                                               const DeleteByFilterOptions& options) = 0;
  // Calls `sink` once a document, in order of URI, as of one moment. `sink` returns false to stop. DataLoss, after all
  // others came, where damaged documents had to be left out.
  virtual absl::StatusOr<uint64_t> Export(const std::string& tenant, const std::string& collection,
                                          const std::optional<Filter>& filter, bool with_vectors,
                                          const CallContext& call,
                                          const std::function<bool(const DocumentInfo&, std::string_view text,
                                                                   const std::vector<ExportedChunk>&)>& sink) = 0;

  // Errors carry a reason: EMPTY_QUERY, INVALID_OPTIONS.
  virtual absl::StatusOr<SearchResult> Search(const SearchRequest& request, const CallContext& call) = 0;
  // One result for each request, in order; all of one tenant and collection. Queries are embedded together.
  virtual std::vector<absl::StatusOr<SearchResult>> SearchBatch(const std::vector<SearchRequest>& requests,
                                                                const CallContext& call) = 0;
  // Explains the results and the chunks named.
  virtual absl::StatusOr<std::vector<PassageExplanation>> Explain(const SearchRequest& request,
                                                                  const std::vector<std::string>& chunk_ids,
                                                                  const CallContext& call) = 0;

  // The erasure outbox (design.md, Erasure): records that the cache `consumer` has not acknowledged, oldest first, at
  // most `limit`. A consumer is known from its first call on; records are kept until every known one acknowledged.
  virtual absl::StatusOr<std::vector<ErasureRecord>> PendingErasures(const std::string& consumer, int limit) = 0;
  virtual absl::Status AcknowledgeErasures(const std::string& consumer, uint64_t up_to_epoch) = 0;
  // Whether every known consumer has acknowledged all records up to and including `epoch`.
  virtual absl::StatusOr<bool> ErasedUpTo(uint64_t epoch) = 0;

  virtual absl::StatusOr<IndexStats> Stats() = 0;
  // Waits until every graph that is due has been made and saved.
  virtual absl::Status Snapshot() = 0;
};

}  // namespace precis::index
