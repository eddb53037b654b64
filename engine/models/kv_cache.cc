#include "models/kv_cache.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

namespace precis::engine {
namespace {

constexpr int64_t kPositions = 64;

Digest ChainStart(const std::string& tenant) {
  Hasher hasher;
  hasher.Field("precis-kv-v1").Field(tenant);
  return hasher.Finish();
}

Digest ChainNext(const Digest& before, std::span<const TokenId> tokens) {
  Hasher hasher;
  hasher.Field(std::string_view(reinterpret_cast<const char*>(before.data()), before.size()));
  hasher.Field(std::string_view(reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()));
  return hasher.Finish();
}

}  // namespace

void KvSequence::FreeData::operator()(void* p) const { std::free(p); }
KvSequence::~KvSequence() { cache_->Return(this); }

size_t KvCache::DigestHash::operator()(const Digest& d) const {
  size_t value;
  std::memcpy(&value, d.data(), sizeof(value));
  return value;
}

KvCache::KvCache(const KvLayout& layout, int64_t budget_bytes)
    : layout_(layout), max_pages_(budget_bytes / layout.page_bytes()) {}

KvCache::~KvCache() { assert(in_use_ == 0); }

KvCache::Page* KvCache::Take() {
  if (free_.empty()) {
    if (static_cast<int64_t>(all_.size()) < max_pages_) {
      auto page = std::make_unique<Page>();
      // Whole memory pages, so that what is never written is never resident.
      void* p = std::aligned_alloc(4096, static_cast<size_t>((layout_.page_bytes() + 4095) / 4096 * 4096));
      if (p == nullptr) throw std::bad_alloc();
      page->data.reset(p);
      free_.push_back(page.get());
      all_.push_back(std::move(page));
    } else {
      Forget(idle_.front());
    }
  }
  Page* page = free_.back();
  free_.pop_back();
  page->users = 1;
  ++in_use_;
  return page;
}

void KvCache::Use(Page* page) {
  if (page->users++ == 0) {
    idle_.erase(page->idle);
    ++in_use_;
  }
}

void KvCache::Drop(Page* page) {
  if (--page->users > 0) return;
  --in_use_;
  if (page->registered) {
    page->idle = idle_.insert(idle_.end(), page);
  } else {
    free_.push_back(page);
  }
}

// An idle page becomes a free one.
void KvCache::Forget(Page* page) {
  registered_.erase(page->key);
  page->registered = false;
  idle_.erase(page->idle);
  free_.push_back(page);
}

std::unique_ptr<KvSequence> KvCache::Admit(const std::string& tenant, std::span<const TokenId> prompt,
                                           int64_t positions, int64_t reusable) {
  std::unique_ptr<KvSequence> sequence(new KvSequence(this));
  sequence->chain_ = ChainStart(tenant);
  const int64_t most = std::min<int64_t>(reusable, static_cast<int64_t>(prompt.size()));
  while (sequence->length_ + kPositions <= most) {
    const Digest next = ChainNext(sequence->chain_, prompt.subspan(static_cast<size_t>(sequence->length_), kPositions));
    const auto found = registered_.find(next);
    if (found == registered_.end()) break;
    Use(found->second);
    sequence->pages_.push_back(found->second);
    sequence->data_.push_back(found->second->data.get());
    sequence->chain_ = next;
    sequence->length_ += kPositions;
  }
  sequence->reused_ = sequence->length_;
  const int64_t needed = (positions + kPositions - 1) / kPositions - static_cast<int64_t>(sequence->pages_.size());
  if (needed > available()) return nullptr;
  sequence->promised_ = needed;
  promised_ += needed;
  sequence->pages_.reserve(sequence->pages_.size() + static_cast<size_t>(needed));
  sequence->data_.reserve(sequence->pages_.capacity());
  sequence->open_.reserve(kPositions);
  return sequence;
}

void KvCache::Extend(KvSequence* sequence, int64_t length) {
  while (static_cast<int64_t>(sequence->pages_.size()) * kPositions < length) {
    assert(sequence->promised_ > 0);
    --sequence->promised_;
    --promised_;
    Page* page = Take();
    sequence->pages_.push_back(page);
    sequence->data_.push_back(page->data.get());
  }
}

void KvCache::Commit(KvSequence* sequence, std::span<const TokenId> tokens) {
  for (const TokenId token : tokens) {
    sequence->open_.push_back(token);
    ++sequence->length_;
    if (sequence->length_ % kPositions != 0) continue;
    Page* page = sequence->pages_[static_cast<size_t>(sequence->length_ / kPositions - 1)];
    sequence->chain_ = ChainNext(sequence->chain_, sequence->open_);
    sequence->open_.clear();
    // Two sequences may have computed the same page at the same time: the first one is kept.
    if (registered_.emplace(sequence->chain_, page).second) {
      page->registered = true;
      page->key = sequence->chain_;
    }
  }
}

void KvCache::Return(KvSequence* sequence) {
  promised_ -= sequence->promised_;
  // The last page first: a beginning is worth more than its continuation, so it must go later.
  for (auto page = sequence->pages_.rbegin(); page != sequence->pages_.rend(); ++page) Drop(*page);
}

}  // namespace precis::engine
