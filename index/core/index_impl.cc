#include "core/index_impl.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

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
      PRECIS_RETURN_IF_ERROR(
          store->Scan(family, BigEndian64(begin), BigEndian64(uid), false, [&any](std::string_view, std::string_view) {
            any = true;
            return absl::CancelledError();
          }));
      if (!any) continue;
      rocksdb::WriteBatch batch;
      batch.DeleteRange(store->family(family), BigEndian64(begin), BigEndian64(uid));
      PRECIS_RETURN_IF_ERROR(store->Write(&batch, kReserveForRemovals));
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
  builder_.reset();
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
  PRECIS_RETURN_IF_ERROR(EraseOrphanedCollections(store_.get(), uids));

  committer_ = std::make_unique<Committer>(store_.get(), &epochs_, last);
  sweeper_ = std::make_unique<Sweeper>(store_.get(), &epochs_);
  builder_ =
      std::make_unique<IndexBuilder>(IndexBuilderOptions{(std::filesystem::path(options_.data_dir) / "graphs").string(),
                                                         options_.flat_limit, options_.snapshot_every},
                                     &epochs_, committer_.get());
  RemoveForeignSnapshots(uids);
  epochs_.OnUnpin([sweeper = sweeper_.get()] { sweeper->Wake(); });
  for (CollectionRecord& record : records) {
    auto collection = std::make_shared<CollectionState>(std::move(record), store_->boot() << kGenerationBits);
    PRECIS_RETURN_IF_ERROR(LoadCollection(collection));
    builder_->Consider(collection);
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
          PRECIS_ASSIGN_OR_RETURN(terms,
                                  AnalyzeStoredChunk(*into->document, ReadBigEndian32(key.substr(key.size() - 4))));
        }
        into->terms.push_back(std::move(terms));
        return absl::OkStatus();
      }));

  for (const auto& [prefix, data] : versions) {
    const DocumentInfo& info = data.document->info;
    const auto chunks = static_cast<size_t>(info.chunks);
    if (data.terms.size() == chunks && data.vectors.size() == chunks * static_cast<size_t>(dimensions)) continue;
    return absl::DataLossError(absl::StrCat("document '", info.uri, "' of collection '", info.collection, "' has ",
                                            static_cast<int64_t>(chunks), " chunks, but ",
                                            static_cast<int64_t>(data.vectors.size() / static_cast<size_t>(dimensions)),
                                            " vectors and ", static_cast<int64_t>(data.terms.size()),
                                            " term lists are stored in '", store_->path(), "': verify and repair it"));
  }
  uint64_t last = FillCollection(collection, &versions);
  auto stored = store_->Get(Family::kMeta, absl::StrCat("collection_sequence/", BigEndian64(uid)));
  if (stored.ok() && stored->size() == 8) last = std::max(last, ReadBigEndian64(*stored));
  collection->set_last_sequence(last);

  // Versions that nobody points to: ingests that were cut off, replaced versions whose sweep was.
  return store_->Scan(Family::kVersions, begin, end, false, [&](std::string_view key, std::string_view) {
    if (!versions.contains(std::string(key))) sweeper_->Version(std::string(key), 0);
    return absl::OkStatus();
  });
}

uint64_t IndexImpl::FillCollection(const CollectionPtr& collection,
                                   absl::flat_hash_map<std::string, VersionData>* versions) {
  std::set<std::string> added;
  uint64_t last = 0;
  const auto add = [&](const std::string& prefix, VersionData* version) {
    const uint64_t sequence = version->document->info.sequence;
    collection->Add(*version, sequence);
    last = std::max(last, sequence);
    added.insert(prefix);
    *version = VersionData{version->document, {}, {}};  // memory holds the vectors once
  };

  const std::string path = builder_->SnapshotPath(collection->record().uid);
  auto snapshot = ReadGraphSnapshot(path, IndexBuilder::IdentityOf(*collection));
  absl::Status status = snapshot.status();
  if (snapshot.ok()) {
    // The graph names its nodes by slot: the versions take the slots that they had. One that is gone leaves hollow
    // ones.
    std::vector<bool> hollow(snapshot->slots());
    uint32_t slot = 0;
    for (const GraphRun& run : snapshot->runs) {
      const auto found = versions->find(run.version_prefix);
      const bool here = found != versions->end() && !added.contains(run.version_prefix) &&
                        static_cast<uint32_t>(found->second.document->info.chunks) == run.chunks;
      if (here) {
        add(run.version_prefix, &found->second);
      } else {
        collection->AddHollow(run.chunks);
        std::fill_n(hollow.begin() + slot, run.chunks, true);
      }
      slot += run.chunks;
    }
    auto graph = HnswGraph::Parse(snapshot->links, collection->options().metric, std::move(hollow));
    status = graph.status();
    if (graph.ok()) collection->SetGraph(*std::move(graph), snapshot->sequence);
  }
  if (!status.ok() && !absl::IsNotFound(status)) Quarantine(path, status, collection.get());

  std::vector<std::pair<const std::string*, VersionData*>> rest;
  for (auto& [prefix, version] : *versions) {
    if (!added.contains(prefix)) rest.emplace_back(&prefix, &version);
  }
  std::sort(rest.begin(), rest.end(), [](const auto& a, const auto& b) {
    return a.second->document->info.sequence < b.second->document->info.sequence;
  });
  for (const auto& [prefix, version] : rest) add(*prefix, version);
  return last;
}

void IndexImpl::Quarantine(const std::string& path, const absl::Status& why, CollectionState* collection) {
  std::error_code error;
  std::filesystem::rename(path, path + ".quarantined", error);
  if (error) std::filesystem::remove(path, error);
  const std::string notice = absl::StrCat(std::string(why.message()), ": it was set aside as '", path,
                                          ".quarantined' and is made anew from the stored vectors; search is exact "
                                          "until then");
  collection->SetVectorStatus(IndexStatus::State::kQuarantined, notice);
  absl::MutexLock lock(&mu_);
  notices_.push_back(notice);
}

void IndexImpl::RemoveForeignSnapshots(const std::vector<uint64_t>& uids) {
  std::set<std::string> known;
  for (uint64_t uid : uids) known.insert(builder_->SnapshotPath(uid));
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(options_.data_dir) / "graphs";
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().extension() != ".quarantined" && !known.contains(it->path().string())) {
      std::filesystem::remove(it->path(), ignored);
    }
  }
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
        absl::StrCat("collection '", options.name, "' was made with encoder '", options.encoder_model,
                     "' (fingerprint ", collection.record().encoder_fingerprint, "), the server has '", info.name,
                     "' (fingerprint ", info.fingerprint, "): serve that encoder, or make a new collection"));
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

absl::Status IndexImpl::Snapshot() {
  // A graph is written when it has been made: what remains is to wait for those that are being made.
  builder_->Drain();
  return absl::OkStatus();
}

void IndexImpl::WaitForBackgroundForTest() {
  builder_->Drain();
  sweeper_->DrainForTest();
}

}  // namespace precis::index
