#include "core/index_impl.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "precis/base/status_macros.h"
#include "precis/text/analyzer.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

// Index generations of one start never equal those of another.
constexpr int kGenerationBits = 20;

// Rows of collections that no longer exist: a kill can come between a collection's removal and its sweep, and writes
// that were under way can come after it.
absl::Status EraseOrphanedCollections(Store* store, std::vector<uint64_t> uids) {
  std::sort(uids.begin(), uids.end());
  uids.push_back(~uint64_t{0});
  uint64_t begin = 0;
  for (uint64_t uid : uids) {
    for (Family family : {Family::kDocuments, Family::kVersions, Family::kTexts, Family::kSourceMaps, Family::kChunks,
                          Family::kVectors, Family::kTerms}) {
      bool any = false;
      PRECIS_RETURN_IF_ERROR(store->Scan(family, BigEndian64(begin), BigEndian64(uid), false,
                                         [&any](std::string_view, std::string_view) {
                                           any = true;
                                           return absl::CancelledError();
                                         }));
      if (!any) continue;
      rocksdb::WriteBatch batch;
      batch.DeleteRange(store->family(family), BigEndian64(begin), BigEndian64(uid));
      PRECIS_RETURN_IF_ERROR(store->Write(&batch));
    }
    begin = uid + 1;
  }
  return absl::OkStatus();
}

}  // namespace

int64_t NowUnixMs() { return absl::ToUnixMillis(absl::Now()); }

absl::StatusOr<std::unique_ptr<Index>> Index::Open(IndexOptions options) {
  if (!options.encoder) return absl::InvalidArgumentError("the index was opened without an encoder");
  PRECIS_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, Store::Open(options.data_dir));
  auto index = std::make_unique<IndexImpl>(std::move(options), std::move(store));
  PRECIS_RETURN_IF_ERROR(index->Load());
  return std::unique_ptr<Index>(std::move(index));
}

IndexImpl::IndexImpl(IndexOptions options, std::unique_ptr<Store> store)
    : options_(std::move(options)), store_(std::move(store)), outbox_(store_.get()) {}

IndexImpl::~IndexImpl() {
  graphs_.reset();
  sweeper_.reset();
}

absl::Status IndexImpl::Load() {
  auto sequence = store_->Get(Family::kMeta, "sequence");
  if (!sequence.ok() && !absl::IsNotFound(sequence.status())) return sequence.status();
  const uint64_t last = sequence.ok() && sequence->size() == 8 ? ReadBigEndian64(*sequence) : 0;
  epochs_.Publish(last);
  PRECIS_RETURN_IF_ERROR(outbox_.Load());

  std::vector<CollectionRecord> records;
  PRECIS_RETURN_IF_ERROR(
      store_->Scan(Family::kCollections, "", "", true, [&](std::string_view, std::string_view value) -> absl::Status {
        PRECIS_ASSIGN_OR_RETURN(CollectionRecord record, ParseCollectionRecord(value));
        records.push_back(std::move(record));
        return absl::OkStatus();
      }));
  std::vector<uint64_t> uids;
  for (const CollectionRecord& record : records) uids.push_back(record.uid);
  PRECIS_RETURN_IF_ERROR(EraseOrphanedCollections(store_.get(), std::move(uids)));

  committer_ = std::make_unique<Committer>(store_.get(), &epochs_, last);
  sweeper_ = std::make_unique<Sweeper>(store_.get(), &epochs_);
  graphs_ = std::make_unique<GraphBuilder>(&epochs_, options_.flat_limit);
  epochs_.OnUnpin([sweeper = sweeper_.get()] { sweeper->Wake(); });
  for (CollectionRecord& record : records) {
    auto collection = std::make_shared<CollectionState>(std::move(record), store_->boot() << kGenerationBits);
    PRECIS_RETURN_IF_ERROR(LoadCollection(collection));
    graphs_->Consider(collection);
    absl::MutexLock lock(&mu_);
    collections_[{collection->options().tenant, collection->options().name}] = std::move(collection);
  }
  return absl::OkStatus();
}

absl::Status IndexImpl::LoadCollection(const CollectionPtr& collection) {
  const uint64_t uid = collection->record().uid;
  const std::string begin = CollectionPrefix(uid), end = CollectionEnd(uid);
  const int dimensions = collection->record().dimensions;
  absl::flat_hash_map<std::string, VersionData> versions;  // by version prefix
  PRECIS_RETURN_IF_ERROR(
      store_->Scan(Family::kDocuments, begin, end, true, [&](std::string_view, std::string_view value) -> absl::Status {
        PRECIS_ASSIGN_OR_RETURN(DocumentRecord record, ParseDocumentRecord(value));
        auto entry = std::make_shared<DocumentEntry>();
        entry->info = std::move(record.info);
        entry->info.tenant = collection->options().tenant;
        entry->info.collection = collection->options().name;
        entry->attempt = record.attempt;
        entry->uid = uid;
        VersionData& version = versions[entry->version_prefix()];
        version.document = std::move(entry);
        return absl::OkStatus();
      }));

  // Two scans in key order side by side: vectors and terms of a version, then the next version.
  std::string current;
  VersionData* version = nullptr;
  const auto enter = [&](std::string_view key) -> VersionData* {
    const std::string_view prefix = key.substr(0, kVersionPrefixBytes);
    if (prefix != current) {
      current = prefix;
      const auto found = versions.find(current);
      version = found == versions.end() ? nullptr : &found->second;
    }
    return version;
  };
  PRECIS_RETURN_IF_ERROR(
      store_->Scan(Family::kVectors, begin, end, true, [&](std::string_view key, std::string_view value) {
        VersionData* into = enter(key);
        if (into == nullptr) return absl::OkStatus();
        into->vectors.resize(into->vectors.size() + static_cast<size_t>(dimensions));
        return ParseVector(value, dimensions, into->vectors.data() + into->vectors.size() - dimensions);
      }));
  current.clear();
  PRECIS_RETURN_IF_ERROR(
      store_->Scan(Family::kTerms, begin, end, true, [&](std::string_view key, std::string_view value) -> absl::Status {
        VersionData* into = enter(key);
        if (into == nullptr) return absl::OkStatus();
        PRECIS_ASSIGN_OR_RETURN(TermsRecord terms, ParseTermsRecord(value));
        if (terms.analyzer_version != text::kAnalyzerVersion) {
          PRECIS_ASSIGN_OR_RETURN(terms, AnalyzeStoredChunk(*into->document, ReadBigEndian32(key.substr(key.size() - 4))));
        }
        into->terms.push_back(std::move(terms));
        return absl::OkStatus();
      }));

  uint64_t last = 0;
  std::vector<VersionData*> ordered;
  for (auto& [prefix, data] : versions) ordered.push_back(&data);
  std::sort(ordered.begin(), ordered.end(), [](const VersionData* a, const VersionData* b) {
    return a->document->info.sequence < b->document->info.sequence;
  });
  for (VersionData* data : ordered) {
    const DocumentInfo& info = data->document->info;
    const auto chunks = static_cast<size_t>(info.chunks);
    if (data->terms.size() != chunks || data->vectors.size() != chunks * static_cast<size_t>(dimensions)) {
      return absl::DataLossError(absl::StrCat(
          "document '", info.uri, "' of collection '", info.collection, "' has ", static_cast<int64_t>(chunks),
          " chunks, but ", static_cast<int64_t>(data->vectors.size() / static_cast<size_t>(dimensions)),
          " vectors and ", static_cast<int64_t>(data->terms.size()), " term lists are stored in '", store_->path(),
          "': verify and repair it"));
    }
    collection->Add(*data, info.sequence);
    last = std::max(last, info.sequence);
    *data = VersionData{data->document, {}, {}};
  }
  auto stored = store_->Get(Family::kMeta, absl::StrCat("collection_sequence/", BigEndian64(uid)));
  if (stored.ok() && stored->size() == 8) last = std::max(last, ReadBigEndian64(*stored));
  collection->set_last_sequence(last);

  // Versions that nobody points to: ingests that were cut off, replaced versions whose sweep was.
  return store_->Scan(Family::kVersions, begin, end, false, [&](std::string_view key, std::string_view) {
    if (!versions.contains(std::string(key))) sweeper_->Version(std::string(key), 0);
    return absl::OkStatus();
  });
}

absl::StatusOr<IndexImpl::CollectionPtr> IndexImpl::FindCollection(const std::string& tenant,
                                                                   const std::string& name) const {
  absl::MutexLock lock(&mu_);
  const auto found = collections_.find({tenant, name});
  if (found != collections_.end()) return found->second;
  return absl::NotFoundError(absl::StrCat("there is no collection '", name, "'",
                                          tenant.empty() ? "" : absl::StrCat(" of tenant '", tenant, "'"),
                                          ": create it, or list those that there are"));
}

absl::StatusOr<std::shared_ptr<engine::Embedder>> IndexImpl::EncoderOf(const CollectionState& collection) const {
  const CollectionOptions& options = collection.options();
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<engine::Embedder> encoder, options_.encoder(options.encoder_model));
  const engine::ModelInfo& info = encoder->info();
  if (info.fingerprint != collection.record().encoder_fingerprint) {
    return absl::FailedPreconditionError(
        absl::StrCat("collection '", options.name, "' was made with encoder '", options.encoder_model, "' (fingerprint ",
                     collection.record().encoder_fingerprint, "), the server has '", info.name, "' (fingerprint ",
                     info.fingerprint, "): serve that encoder, or make a new collection"));
  }
  if (info.dimensions != collection.record().dimensions) {
    return absl::FailedPreconditionError(absl::StrCat("collection '", options.name, "' has vectors of ",
                                                      collection.record().dimensions, " dimensions, encoder '",
                                                      info.name, "' gives ", info.dimensions));
  }
  return encoder;
}

absl::StatusOr<std::vector<ErasureRecord>> IndexImpl::PendingErasures(const std::string& consumer, int limit) {
  return outbox_.Pending(consumer, limit);
}
absl::Status IndexImpl::AcknowledgeErasures(const std::string& consumer, uint64_t up_to_epoch) {
  return outbox_.Acknowledge(consumer, up_to_epoch, epochs_.published());
}
absl::StatusOr<bool> IndexImpl::ErasedUpTo(uint64_t epoch) { return outbox_.ErasedUpTo(epoch); }

absl::StatusOr<IndexStats> IndexImpl::Stats() {
  IndexStats stats;
  std::vector<CollectionPtr> collections;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [key, collection] : collections_) collections.push_back(collection);
    stats.notices = notices_;
  }
  for (const CollectionPtr& collection : collections) {
    CollectionInfo info;
    collection->Describe(&info);
    const CollectionState::Counts counts = collection->counts();
    stats.documents += counts.documents;
    stats.chunks += counts.chunks;
    stats.text_bytes += counts.text_bytes;
    stats.memory_bytes += info.vector_index.memory_bytes + info.keyword_index.memory_bytes;
    if (!info.vector_index.detail.empty()) stats.notices.push_back(info.vector_index.detail);
  }
  stats.collections = static_cast<int64_t>(collections.size());
  stats.disk_bytes = store_->DiskBytes();
  stats.sequence = epochs_.published();
  PRECIS_ASSIGN_OR_RETURN(stats.erasures_pending, outbox_.CountPending());
  return stats;
}

absl::Status IndexImpl::Snapshot() { return absl::OkStatus(); }

void IndexImpl::WaitForBackgroundForTest() {
  graphs_->DrainForTest();
  sweeper_->DrainForTest();
}

}  // namespace precis::index
