// The index: puts storage, memory and search together. One file for each group of calls: collections.cc, ingest.cc,
// documents.cc, search.cc, explain.cc; load.cc fills memory at the start, index_impl.cc opens and closes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "core/index_builder.h"
#include "core/outbox.h"
#include "core/sweeper.h"
#include "precis/index/index.h"
#include "search/collection_state.h"
#include "search/fusion.h"
#include "storage/committer.h"
#include "storage/epochs.h"
#include "storage/store.h"

namespace precis::index {

class IndexImpl : public Index {
 public:
  IndexImpl(IndexOptions options, std::unique_ptr<Store> store);
  ~IndexImpl() override;
  // Fills memory from the store. Called once, before anything else.
  absl::Status Load();

  absl::StatusOr<CollectionInfo> CreateCollection(const CollectionOptions& options) override;
  absl::StatusOr<CollectionInfo> GetCollection(const std::string& tenant, const std::string& name) override;
  absl::StatusOr<std::vector<CollectionInfo>> ListCollections(const std::string& tenant) override;
  absl::StatusOr<DeleteResult> DeleteCollection(const std::string& tenant, const std::string& name) override;

  absl::StatusOr<IngestResult> Ingest(const DocumentInput& document, const CallContext& call) override;

  absl::StatusOr<DocumentInfo> GetDocument(const std::string& tenant, const std::string& collection,
                                           const DocumentKey& key) override;
  absl::StatusOr<std::string> ReadText(const std::string& tenant, const std::string& collection, const DocumentKey& key,
                                       std::optional<ByteRange> range, ByteRange* actual_range,
                                       SourceLocation* location) override;
  absl::StatusOr<DocumentPage> ListDocuments(const std::string& tenant, const std::string& collection,
                                             const std::optional<Filter>& filter, const std::string& uri_prefix,
                                             int page_size, const std::string& page_token) override;
  absl::StatusOr<DeleteResult> DeleteDocument(const std::string& tenant, const std::string& collection,
                                              const DocumentKey& key) override;
  absl::StatusOr<DeleteResult> DeleteDocumentsByFilter(const std::string& tenant, const std::string& collection,
                                                       const DeleteByFilterOptions& options) override;
  absl::StatusOr<uint64_t> Export(const std::string& tenant, const std::string& collection,
                                  const std::optional<Filter>& filter, bool with_vectors, const CallContext& call,
                                  const std::function<bool(const DocumentInfo&, std::string_view,
                                                           const std::vector<ExportedChunk>&)>& sink) override;

  absl::StatusOr<SearchResult> Search(const SearchRequest& request, const CallContext& call) override;
  std::vector<absl::StatusOr<SearchResult>> SearchBatch(const std::vector<SearchRequest>& requests,
                                                        const CallContext& call) override;
  absl::StatusOr<std::vector<PassageExplanation>> Explain(const SearchRequest& request,
                                                          const std::vector<std::string>& chunk_ids,
                                                          const CallContext& call) override;

  absl::StatusOr<std::vector<ErasureRecord>> PendingErasures(const std::string& consumer, int limit) override;
  absl::Status AcknowledgeErasures(const std::string& consumer, uint64_t up_to_epoch) override;
  absl::StatusOr<bool> ErasedUpTo(uint64_t epoch) override;
  absl::StatusOr<IndexStats> Stats() override;
  absl::Status Snapshot() override;

  void WaitForBackgroundForTest();

 private:
  using CollectionPtr = std::shared_ptr<CollectionState>;

  absl::StatusOr<CollectionPtr> FindCollection(const std::string& tenant, const std::string& name) const;
  struct Loading;
  using LoadingMap = absl::flat_hash_map<std::string, Loading>;      // by version prefix
  using VersionMap = absl::flat_hash_map<std::string, VersionData>;  // by version prefix
  absl::Status LoadCollection(const CollectionPtr& collection);
  // False: some rows are damaged, so that it is not known which versions are current.
  absl::StatusOr<bool> LoadDocuments(CollectionState* collection, LoadingMap* versions) const;
  // Adds the vectors or terms between two keys to their versions; what is damaged is told in them.
  absl::Status LoadRows(Family family, int dimensions, const std::string& begin, const std::string& end,
                        LoadingMap* versions) const;
  absl::Status LoadRow(Family family, int dimensions, std::string_view key, std::string_view value,
                       Loading* into) const;
  // Adds the stored versions in the order of the graph's file, if there is a right one; gives the last sequence number.
  uint64_t FillCollection(const CollectionPtr& collection, VersionMap* versions);
  void Quarantine(const std::string& path, const absl::Status& why, CollectionState* collection);
  // Files of collections that are gone, and what a killed writer left.
  void RemoveForeignSnapshots(const std::vector<uint64_t>& uids);
  // The terms of a stored chunk made anew: the analyser has changed since they were stored.
  absl::StatusOr<TermsRecord> AnalyzeStoredChunk(const DocumentEntry& document, uint32_t ordinal) const;
  CollectionInfo Describe(const CollectionState& collection) const;
  // The encoder that the collection is pinned to, or FailedPrecondition with both fingerprints.
  absl::StatusOr<std::shared_ptr<engine::Embedder>> EncoderOf(const CollectionState& collection) const;

  absl::StatusOr<std::shared_ptr<const DocumentEntry>> FindDocument(const CollectionState& collection,
                                                                    const DocumentKey& key) const;
  // The id of a stored document, damaged or not.
  absl::StatusOr<std::string> FindStoredId(const CollectionState& collection, const DocumentKey& key) const;
  // Takes a current version whose stored rows turned out to be damaged out of search. OK also when another call did, or
  // when it is no longer current.
  absl::Status SetAside(const CollectionPtr& collection, const DocumentEntry& document, const absl::Status& damage);
  // Adds the removal of a document at `epoch` to a batch.
  void AddRemoval(const CollectionState& collection, const std::string& document_id, uint64_t epoch,
                  rocksdb::WriteBatch* batch) const;
  // Forgets the damage of a document that was written again or deleted; its old rows, as far as they are known, go.
  void SweepDamaged(CollectionState* collection, const std::string& document_id, uint64_t last) const;
  void AddCollectionSequence(const CollectionState& collection, uint64_t sequence, rocksdb::WriteBatch* batch) const;
  absl::StatusOr<DeleteResult> RemoveDocuments(const CollectionPtr& collection, std::string subject,
                                               std::function<absl::StatusOr<std::vector<std::string>>()> choose);

  // A search under way: what it reads from and what it found.
  struct Found {
    Epochs::Pin pin;
    CollectionState::View view;
    std::vector<std::string> terms;
    std::vector<float> query_vector;
    std::vector<Ranked> ranked;  // all candidates, before MMR, min_score and top_k
    std::vector<Ranked> chosen;
    SearchReport report;
  };
  struct QueryEmbedding {
    std::vector<float> vector;
    bool pooled = false, cache_hit = false;
    absl::Duration duration;
  };
  absl::StatusOr<std::vector<QueryEmbedding>> EmbedQueries(const CollectionState& collection,
                                                           const std::vector<const SearchRequest*>& requests,
                                                           const CallContext& call) const;
  absl::StatusOr<Found> FindPassages(const CollectionState& collection, const SearchRequest& request,
                                     QueryEmbedding embedding, const CallContext& call);
  absl::Status FindDense(const CollectionState& collection, const SearchRequest& request, const Selection& selection,
                         const CallContext& call, Found* found, TopK* best) const;
  absl::StatusOr<Passage> ReadPassage(const CollectionState& collection, const SlotView& slots, const Ranked& ranked,
                                      bool include_text) const;
  // `damaged`: the version whose rows are, where the error is DataLoss.
  absl::StatusOr<SearchResult> ReadResult(const CollectionState& collection, const SearchRequest& request, Found found,
                                          const CallContext& call, const DocumentEntry** damaged) const;
  absl::StatusOr<SearchResult> SearchOne(const CollectionPtr& collection, const SearchRequest& request,
                                         const QueryEmbedding& embedding, const CallContext& call);

  const IndexOptions options_;
  std::unique_ptr<Store> store_;
  Epochs epochs_;
  Outbox outbox_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<IndexBuilder> builder_;

  mutable absl::Mutex mu_;
  // By tenant and name. Changed by the committer's thread only.
  std::map<std::pair<std::string, std::string>, CollectionPtr> collections_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> notices_ ABSL_GUARDED_BY(mu_);
};

int64_t NowUnixMs();

}  // namespace precis::index
