#include "core/sweeper.h"

#include <algorithm>
#include <array>
#include <utility>

#include "precis/base/status_macros.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

// Everything under a version prefix; the mark comes last.
constexpr std::array kVersionFamilies = {Family::kTexts,   Family::kSourceMaps, Family::kChunks,
                                         Family::kVectors, Family::kTerms,      Family::kVersions};
// Keys a batch: bounds its memory and how long writers wait behind it.
constexpr size_t kKeysABatch = 2000;

std::string EndOfPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<uint8_t>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

absl::Status EraseVersion(Store* store, const std::string& version_prefix) {
  const std::string end = EndOfPrefix(version_prefix);
  for (Family family : kVersionFamilies) {
    std::vector<std::string> keys;
    PRECIS_RETURN_IF_ERROR(
        store->Scan(family, version_prefix, end, false, [&keys](std::string_view key, std::string_view) {
          keys.emplace_back(key);
          return absl::OkStatus();
        }));
    for (size_t begin = 0; begin < keys.size(); begin += kKeysABatch) {
      rocksdb::WriteBatch batch;
      for (size_t i = begin; i < std::min(keys.size(), begin + kKeysABatch); ++i) {
        batch.Delete(store->family(family), keys[i]);
      }
      PRECIS_RETURN_IF_ERROR(store->Write(&batch, kReserveForRemovals));
    }
  }
  return absl::OkStatus();
}

absl::Status EraseCollection(Store* store, uint64_t uid) {
  rocksdb::WriteBatch batch;
  const std::string begin = CollectionPrefix(uid), end = CollectionEnd(uid);
  for (Family family : kVersionFamilies) batch.DeleteRange(store->family(family), begin, end);
  batch.DeleteRange(store->family(Family::kDocuments), begin, end);
  return store->Write(&batch, kReserveForRemovals);
}

Sweeper::Sweeper(Store* store, Epochs* epochs) : store_(store), epochs_(epochs), thread_([this] { Run(); }) {}

Sweeper::~Sweeper() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void Sweeper::Push(Item item) {
  absl::MutexLock lock(&mu_);
  queue_.push_back(std::move(item));
  changed_.SignalAll();
}

void Sweeper::Version(std::string version_prefix, uint64_t death) { Push({death, std::move(version_prefix), 0}); }
void Sweeper::Collection(uint64_t uid, uint64_t death) { Push({death, "", uid}); }

void Sweeper::Wake() {
  absl::MutexLock lock(&mu_);
  changed_.SignalAll();
}

void Sweeper::DrainForTest() {
  absl::MutexLock lock(&mu_);
  while (!queue_.empty()) changed_.Wait(&mu_);
}

void Sweeper::Run() {
  absl::MutexLock lock(&mu_);
  while (!stopping_) {
    const uint64_t reclaimable = epochs_->Reclaimable();
    const auto item = std::find_if(queue_.begin(), queue_.end(),
                                   [reclaimable](const Item& candidate) { return candidate.death <= reclaimable; });
    if (item == queue_.end()) {
      // A death is queued just before its number is published: look again soon, without being told.
      if (queue_.empty()) {
        changed_.Wait(&mu_);
      } else {
        changed_.WaitWithTimeout(&mu_, absl::Milliseconds(200));
      }
      continue;
    }
    const Item taken = *item;
    mu_.Unlock();
    const absl::Status status =
        taken.version_prefix.empty() ? EraseCollection(store_, taken.uid) : EraseVersion(store_, taken.version_prefix);
    mu_.Lock();
    // Only this thread removes, and others only add at the end: the place is found again by its content.
    const auto done = std::find_if(queue_.begin(), queue_.end(), [&taken](const Item& candidate) {
      return candidate.version_prefix == taken.version_prefix && candidate.uid == taken.uid;
    });
    if (status.ok()) {
      queue_.erase(done);
      changed_.SignalAll();
    } else {
      // A full disk passes; until then the item stays, and the next start would find it as well.
      changed_.WaitWithTimeout(&mu_, absl::Seconds(5));
    }
  }
}

}  // namespace precis::index
