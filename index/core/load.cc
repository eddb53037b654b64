// Filling memory from the store at the start. What is damaged is set aside by document; all else is served.
#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/index_impl.h"
#include "precis/base/hash.h"
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
      const absl::Status scanned =
          store->Scan(family, BigEndian64(begin), BigEndian64(uid), false, [&any](std::string_view, std::string_view) {
            any = true;
            return absl::CancelledError();
          });
      if (absl::IsDataLoss(scanned)) continue;  // what the damage hides may belong to a collection that is there
      PRECIS_RETURN_IF_ERROR(scanned);
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

// A version on its way into memory.
struct IndexImpl::Loading {
  VersionData data;
  std::string damage;  // not empty: what of it is damaged
};

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

absl::StatusOr<bool> IndexImpl::LoadDocuments(CollectionState* collection, LoadingMap* versions) const {
  const uint64_t uid = collection->record().uid;
  const std::string begin = CollectionPrefix(uid);
  bool all_known = true;
  PRECIS_RETURN_IF_ERROR(store_->Scan(
      Family::kDocuments, begin, CollectionEnd(uid), true, [&](std::string_view key, std::string_view value) {
        const std::string id = ToHex(key.substr(begin.size()));
        auto record = ParseDocumentRecord(value);
        if (record.ok() && record->info.document_id != id) {
          record = absl::DataLossError("a stored document is another one than its key says");
        }
        if (absl::IsDataLoss(record.status())) {
          all_known = false;
          collection->damaged().Add({id, "", "", std::string(record.status().message())});
          return absl::OkStatus();
        }
        if (!record.ok()) return record.status();
        auto entry = std::make_shared<DocumentEntry>();
        entry->info = std::move(record->info);
        entry->info.tenant = collection->options().tenant;
        entry->info.collection = collection->options().name;
        entry->attempt = record->attempt;
        entry->uid = uid;
        (*versions)[entry->version_prefix()].data.document = std::move(entry);
        return absl::OkStatus();
      }));
  return all_known;
}

absl::Status IndexImpl::LoadRow(Family family, int dimensions, std::string_view key, std::string_view value,
                                Loading* into) const {
  if (family == Family::kVectors) {
    std::vector<float>& vectors = into->data.vectors;
    vectors.resize(vectors.size() + static_cast<size_t>(dimensions));
    return ParseVector(value, dimensions, vectors.data() + vectors.size() - dimensions);
  }
  PRECIS_ASSIGN_OR_RETURN(TermsRecord terms, ParseTermsRecord(value));
  if (terms.analyzer_version != text::kAnalyzerVersion) {
    PRECIS_ASSIGN_OR_RETURN(terms,
                            AnalyzeStoredChunk(*into->data.document, ReadBigEndian32(key.substr(key.size() - 4))));
  }
  into->data.terms.push_back(std::move(terms));
  return absl::OkStatus();
}

absl::Status IndexImpl::LoadRows(Family family, int dimensions, const std::string& begin, const std::string& end,
                                 LoadingMap* versions) const {
  std::string current;
  Loading* version = nullptr;
  return store_->Scan(family, begin, end, true, [&](std::string_view key, std::string_view value) {
    const std::string_view prefix = key.substr(0, kVersionPrefixBytes);
    if (prefix != current) {
      current = prefix;
      const auto found = versions->find(current);
      version = found == versions->end() ? nullptr : &found->second;
    }
    if (version == nullptr) return absl::OkStatus();
    absl::Status status = LoadRow(family, dimensions, key, value, version);
    // Not found: a row that another one needs, and that is gone.
    if (!absl::IsDataLoss(status) && !absl::IsNotFound(status)) return status;
    version->damage = std::string(status.message());
    return absl::OkStatus();
  });
}

absl::Status IndexImpl::LoadCollection(const CollectionPtr& collection) {
  const uint64_t uid = collection->record().uid;
  const std::string begin = CollectionPrefix(uid), end = CollectionEnd(uid);
  const int dimensions = collection->record().dimensions;
  LoadingMap versions;
  PRECIS_ASSIGN_OR_RETURN(const bool all_known, LoadDocuments(collection.get(), &versions));
  for (Family family : {Family::kVectors, Family::kTerms}) {
    const absl::Status status = LoadRows(family, dimensions, begin, end, &versions);
    if (!absl::IsDataLoss(status)) {
      PRECIS_RETURN_IF_ERROR(status);
      continue;
    }
    // A block of the file is damaged, which ends a scan: now version by version, so that only those in it are lost.
    for (auto& [prefix, version] : versions) {
      if (family == Family::kVectors) version.data.vectors.clear();
      if (family == Family::kTerms) version.data.terms.clear();
      const absl::Status own = LoadRows(family, dimensions, prefix, OrdinalKey(prefix, ~uint32_t{0}), &versions);
      if (absl::IsDataLoss(own)) {
        version.damage = std::string(own.message());
      } else if (!own.ok()) {
        return own;
      }
    }
  }

  VersionMap whole;
  std::set<std::string> damaged;  // prefixes
  for (auto& [prefix, version] : versions) {
    const DocumentInfo& info = version.data.document->info;
    const auto chunks = static_cast<size_t>(info.chunks);
    const size_t vectors = version.data.vectors.size() / static_cast<size_t>(dimensions);
    if (version.damage.empty() && (version.data.terms.size() != chunks || vectors != chunks)) {
      version.damage =
          absl::StrCat("it has ", static_cast<int64_t>(chunks), " chunks, but ", static_cast<int64_t>(vectors),
                       " vectors and ", static_cast<int64_t>(version.data.terms.size()), " term lists are stored");
    }
    if (version.damage.empty()) {
      whole[prefix] = std::move(version.data);
    } else {
      damaged.insert(prefix);
      collection->damaged().Add({info.document_id, info.uri, prefix, version.damage});
    }
  }
  uint64_t last = FillCollection(collection, &whole);
  auto stored = store_->Get(Family::kMeta, absl::StrCat("collection_sequence/", BigEndian64(uid)));
  if (stored.ok() && stored->size() == 8) last = std::max(last, ReadBigEndian64(*stored));
  collection->set_last_sequence(last);

  // Versions that nobody points to: ingests that were cut off, replaced versions whose sweep was. Where a document's
  // row cannot be read its version is unknown, and may be any of them: nothing is swept then.
  if (!all_known) return absl::OkStatus();
  return store_->Scan(Family::kVersions, begin, end, false, [&](std::string_view key, std::string_view) {
    const std::string prefix(key);
    if (!whole.contains(prefix) && !damaged.contains(prefix)) sweeper_->Version(prefix, 0);
    return absl::OkStatus();
  });
}

uint64_t IndexImpl::FillCollection(const CollectionPtr& collection, VersionMap* versions) {
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

}  // namespace precis::index
