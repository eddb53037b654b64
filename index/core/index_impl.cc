#include "core/index_impl.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "precis/base/status_macros.h"
#include "precis/index/names.h"

namespace precis::index {

namespace {

// Damaged documents of a collection that Stats names one by one.
constexpr size_t kNamedDamages = 10;

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

absl::StatusOr<IndexImpl::CollectionPtr> IndexImpl::FindCollection(const std::string& tenant,
                                                                   const std::string& name) const {
  // What cannot be there is a mistake of the caller, not something that is missing.
  PRECIS_RETURN_IF_ERROR(ValidateTenant(tenant));
  PRECIS_RETURN_IF_ERROR(ValidateCollectionName(name));
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
    const std::vector<DamagedDocument> damaged = collection->damaged().All();
    stats.damaged_documents += static_cast<int64_t>(damaged.size());
    for (size_t i = 0; i < std::min(damaged.size(), kNamedDamages); ++i) {
      stats.notices.emplace_back(DamageOf(damaged[i], collection->options().name).message());
    }
    if (damaged.size() > kNamedDamages) {
      stats.notices.push_back(absl::StrCat("Of collection '", collection->options().name, "' ",
                                           static_cast<int64_t>(damaged.size() - kNamedDamages),
                                           " more documents are damaged"));
    }
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
