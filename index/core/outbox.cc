#include "core/outbox.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace precis::index {
namespace {

constexpr size_t kMaxConsumerBytes = 128;

}  // namespace

absl::Status Outbox::Load() {
  absl::MutexLock lock(&mu_);
  return store_->Scan(Family::kConsumers, "", "", true, [this](std::string_view key, std::string_view value) {
    mu_.AssertHeld();
    if (value.size() != 8) {
      return absl::DataLossError(absl::StrCat("the acknowledgement of cache '", std::string(key), "' is damaged"));
    }
    acknowledged_[std::string(key)] = ReadBigEndian64(value);
    return absl::OkStatus();
  });
}

void Outbox::Add(uint64_t epoch, const std::string& tenant, const std::string& document_id,
                 rocksdb::WriteBatch* batch) const {
  batch->Put(store_->family(Family::kOutbox), BigEndian64(epoch), Serialize(OutboxRecord{tenant, document_id}));
}

absl::Status Outbox::Know(const std::string& consumer) {
  if (consumer.empty() || consumer.size() > kMaxConsumerBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a cache's name has ", static_cast<int64_t>(consumer.size()),
                                                   " bytes, 1 to ", static_cast<int64_t>(kMaxConsumerBytes),
                                                   " are allowed"));
  }
  if (acknowledged_.contains(consumer)) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  batch.Put(store_->family(Family::kConsumers), consumer, BigEndian64(0));
  PRECIS_RETURN_IF_ERROR(store_->Commit(&batch));
  acknowledged_[consumer] = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ErasureRecord>> Outbox::Pending(const std::string& consumer, int limit) {
  uint64_t from = 0;
  {
    absl::MutexLock lock(&mu_);
    PRECIS_RETURN_IF_ERROR(Know(consumer));
    from = acknowledged_[consumer] + 1;
  }
  std::vector<ErasureRecord> records;
  PRECIS_RETURN_IF_ERROR(store_->Scan(
      Family::kOutbox, BigEndian64(from), "", true, [&](std::string_view key, std::string_view value) -> absl::Status {
        if (static_cast<int>(records.size()) >= limit) return absl::CancelledError();
        PRECIS_ASSIGN_OR_RETURN(OutboxRecord record, ParseOutboxRecord(value));
        records.push_back({std::move(record.tenant), std::move(record.document_id), ReadBigEndian64(key)});
        return absl::OkStatus();
      }));
  return records;
}

absl::Status Outbox::Acknowledge(const std::string& consumer, uint64_t up_to_epoch, uint64_t newest_epoch) {
  if (up_to_epoch > newest_epoch) {
    return absl::InvalidArgumentError(
        absl::StrCat("cache '", consumer, "' acknowledges epoch ", up_to_epoch, ", the newest is ", newest_epoch));
  }
  absl::MutexLock lock(&mu_);
  PRECIS_RETURN_IF_ERROR(Know(consumer));
  if (acknowledged_[consumer] >= up_to_epoch) return absl::OkStatus();
  uint64_t all = up_to_epoch;
  for (const auto& [name, epoch] : acknowledged_) {
    if (name != consumer) all = std::min(all, epoch);
  }
  rocksdb::WriteBatch batch;
  batch.Put(store_->family(Family::kConsumers), consumer, BigEndian64(up_to_epoch));
  batch.DeleteRange(store_->family(Family::kOutbox), BigEndian64(0), BigEndian64(all + 1));
  PRECIS_RETURN_IF_ERROR(store_->Commit(&batch));
  acknowledged_[consumer] = up_to_epoch;
  return absl::OkStatus();
}

uint64_t Outbox::FirstPending() const {
  absl::MutexLock lock(&mu_);
  if (acknowledged_.empty()) return 0;
  uint64_t slowest = ~uint64_t{0} - 1;
  for (const auto& [name, epoch] : acknowledged_) slowest = std::min(slowest, epoch);
  return slowest + 1;
}

absl::StatusOr<bool> Outbox::ErasedUpTo(uint64_t epoch) const {
  const uint64_t from = FirstPending();
  if (from == 0 || from > epoch) return true;
  // Not every number is an erasure: what counts is whether one of the records is still there.
  bool erased = true;
  PRECIS_RETURN_IF_ERROR(store_->Scan(Family::kOutbox, BigEndian64(from), BigEndian64(epoch + 1), false,
                                      [&erased](std::string_view, std::string_view) {
                                        erased = false;
                                        return absl::CancelledError();
                                      }));
  return erased;
}

absl::StatusOr<int64_t> Outbox::CountPending() const {
  const uint64_t from = FirstPending();
  if (from == 0) return 0;
  int64_t count = 0;
  PRECIS_RETURN_IF_ERROR(
      store_->Scan(Family::kOutbox, BigEndian64(from), "", false, [&count](std::string_view, std::string_view) {
        ++count;
        return absl::OkStatus();
      }));
  return count;
}

}  // namespace precis::index
