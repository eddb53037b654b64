// Making, describing and deleting collections.
#include <algorithm>
#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/index_impl.h"
#include "precis/base/status_macros.h"
#include "precis/index/names.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

constexpr size_t kMaxDescriptionBytes = 4096;
constexpr int kDefaultChunkTokens = 256;
constexpr int kLeastChunkTokens = 16;  // the splitter's limit

// Fills the sizes that were left to the server, and checks those that were given against the encoder's window.
absl::Status SettleSizes(const engine::Embedder& encoder, CollectionOptions* options) {
  const engine::ModelInfo& info = encoder.info();
  PRECIS_ASSIGN_OR_RETURN(const int64_t prefix, encoder.tokenizer().CountTokens(info.document_prefix));
  const int64_t window = info.max_tokens - encoder.tokenizer().special_tokens_added() - prefix;
  if (options->max_tokens == 0) {
    options->max_tokens = static_cast<int>(std::min<int64_t>(kDefaultChunkTokens, window));
  }
  if (options->max_tokens < kLeastChunkTokens || options->max_tokens > window) {
    return absl::InvalidArgumentError(absl::StrCat("chunks of ", options->max_tokens, " tokens are asked for, ",
                                                   kLeastChunkTokens, " to ", window, " fit encoder '", info.name,
                                                   "'"));
  }
  if (!options->overlap_tokens) options->overlap_tokens = options->max_tokens / 8;
  if (*options->overlap_tokens < 0 || *options->overlap_tokens > options->max_tokens / 2) {
    return absl::InvalidArgumentError(absl::StrCat("an overlap of ", *options->overlap_tokens,
                                                   " tokens is asked for, 0 to ", options->max_tokens / 2,
                                                   " fit chunks of ", options->max_tokens, " tokens"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CollectionInfo> IndexImpl::CreateCollection(const CollectionOptions& options) {
  PRECIS_RETURN_IF_ERROR(ValidateCollectionName(options.name));
  PRECIS_RETURN_IF_ERROR(ValidateTenant(options.tenant));
  if (options.description.size() > kMaxDescriptionBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the description has ", static_cast<int64_t>(options.description.size()), " bytes, the limit is ",
                     static_cast<int64_t>(kMaxDescriptionBytes)));
  }
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<engine::Embedder> encoder, options_.encoder(options.encoder_model));
  const engine::ModelInfo& model = encoder->info();
  if (!options.expected_fingerprint.empty() && options.expected_fingerprint != model.fingerprint) {
    return absl::FailedPreconditionError(
        absl::StrCat("the fingerprint ", absl::CHexEscape(options.expected_fingerprint), " is expected, encoder '",
                     model.name, "' has ", model.fingerprint));
  }
  if (model.dimensions < 1) {
    return absl::InvalidArgumentError(absl::StrCat("model '", model.name, "' gives no embeddings: name an encoder"));
  }
  CollectionRecord record;
  record.uid = store_->NextUnique();
  record.options = options;
  // The name that was resolved, not "the default": the default may change.
  record.options.encoder_model = model.name;
  PRECIS_RETURN_IF_ERROR(SettleSizes(*encoder, &record.options));
  record.encoder_fingerprint = model.fingerprint;
  record.dimensions = model.dimensions;
  record.created_unix_ms = NowUnixMs();
  const auto collection = std::make_shared<CollectionState>(record, store_->boot() << 20);

  Mutation mutation;
  mutation.prepare = [&](uint64_t first, rocksdb::WriteBatch* batch) -> absl::StatusOr<uint64_t> {
    absl::MutexLock lock(&mu_);
    if (collections_.contains({options.tenant, options.name})) {
      return absl::AlreadyExistsError(absl::StrCat("there is a collection '", options.name,
                                                   "' already: use it, delete it, or choose another name"));
    }
    batch->Put(store_->family(Family::kCollections), BigEndian64(record.uid), Serialize(record));
    AddCollectionSequence(*collection, first, batch);
    return first;
  };
  mutation.apply = [&](uint64_t last) {
    collection->set_last_sequence(last);
    absl::MutexLock lock(&mu_);
    collections_[{options.tenant, options.name}] = collection;
  };
  PRECIS_RETURN_IF_ERROR(committer_->Commit(std::move(mutation)).status());
  return Describe(*collection);
}

CollectionInfo IndexImpl::Describe(const CollectionState& collection) const {
  CollectionInfo info;
  const CollectionRecord& record = collection.record();
  info.options = record.options;
  info.encoder_fingerprint = record.encoder_fingerprint;
  info.dimensions = record.dimensions;
  info.created_unix_ms = record.created_unix_ms;
  collection.Describe(&info);
  if (const int64_t damaged = collection.damaged().count(); damaged > 0) {
    absl::StrAppend(&info.vector_index.detail, info.vector_index.detail.empty() ? "" : "; ", damaged,
                    damaged == 1 ? " document is" : " documents are", " damaged and left out: stats name them");
  }
  const CollectionState::Counts counts = collection.counts();
  info.documents = counts.documents;
  info.chunks = counts.chunks;
  info.tokens = counts.tokens;
  info.text_bytes = counts.text_bytes;
  info.size_bytes = store_->CollectionBytes(record.uid);
  info.sequence = collection.last_sequence();
  return info;
}

absl::StatusOr<CollectionInfo> IndexImpl::GetCollection(const std::string& tenant, const std::string& name) {
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr collection, FindCollection(tenant, name));
  return Describe(*collection);
}

absl::StatusOr<std::vector<CollectionInfo>> IndexImpl::ListCollections(const std::string& tenant) {
  PRECIS_RETURN_IF_ERROR(ValidateTenant(tenant));
  std::vector<CollectionPtr> collections;
  {
    absl::MutexLock lock(&mu_);
    for (auto it = collections_.lower_bound({tenant, ""}); it != collections_.end() && it->first.first == tenant;
         ++it) {
      collections.push_back(it->second);
    }
  }
  std::vector<CollectionInfo> infos;
  for (const CollectionPtr& collection : collections) infos.push_back(Describe(*collection));
  return infos;
}

absl::StatusOr<DeleteResult> IndexImpl::DeleteCollection(const std::string& tenant, const std::string& name) {
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr collection, FindCollection(tenant, name));
  const uint64_t uid = collection->record().uid;
  DeleteResult result;
  Mutation mutation;
  mutation.prepare = [&](uint64_t first, rocksdb::WriteBatch* batch) -> absl::StatusOr<uint64_t> {
    if (collection->dropped()) return FindCollection(tenant, name).status();  // deleted by another call meanwhile
    uint64_t epoch = first;
    collection->ForEach("", [&](const std::shared_ptr<const DocumentEntry>& document) {
      result.document_ids.push_back(document->info.document_id);
      return true;
    });
    for (const DamagedDocument& document : collection->damaged().All()) {
      result.document_ids.push_back(document.document_id);
    }
    for (const std::string& id : result.document_ids) outbox_.Add(epoch++, tenant, id, batch);
    batch->Delete(store_->family(Family::kCollections), BigEndian64(uid));
    batch->Delete(store_->family(Family::kMeta), absl::StrCat("collection_sequence/", BigEndian64(uid)));
    return std::max(first, epoch - 1);
  };
  mutation.apply = [&](uint64_t last) {
    collection->Drop();
    absl::MutexLock lock(&mu_);
    collections_.erase({tenant, name});
    std::remove(builder_->SnapshotPath(uid).c_str());  // what stays is removed by the next start
    sweeper_->Collection(uid, last);
  };
  PRECIS_ASSIGN_OR_RETURN(result.sequence, committer_->Commit(std::move(mutation)));
  return result;
}

}  // namespace precis::index
