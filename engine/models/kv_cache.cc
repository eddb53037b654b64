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
      Page* oldest = idle_.front();
      Unkeep(oldest);
      idle_.pop_front();
      free_.push_back(oldest);
    }
  }
  Page* page = free_.back();
  free_.pop_back();
  page->users = 1;
  page->filled = 0;
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
  if (page->kept) {
    page->idle = idle_.insert(idle_.end(), page);
  } else {
    free_.push_back(page);
  }
}

void KvCache::Keep(Page* page) {
  page->kept = true;
  followers_.emplace(page->before, page);
}

void KvCache::Unkeep(Page* page) {
  page->kept = false;
  if (page->filled == kPositions) registered_.erase(page->key);
  const auto [begin, end] = followers_.equal_range(page->before);
  followers_.erase(std::find_if(begin, end, [page](const auto& entry) { return entry.second == page; }));
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
  const int64_t needed = (positions + kPositions - 1) / kPositions - static_cast<int64_t>(sequence->pages_.size());
  if (needed > available()) return nullptr;
  sequence->promised_ = needed;
  promised_ += needed;
  sequence->pages_.reserve(sequence->pages_.size() + static_cast<size_t>(needed));
  sequence->data_.reserve(sequence->pages_.capacity());
  if (needed > 0 && sequence->length_ < most) {
    CopyBeginning(sequence.get(),
                  prompt.subspan(static_cast<size_t>(sequence->length_),
                                 static_cast<size_t>(std::min<int64_t>(most - sequence->length_, kPositions))));
  }
  sequence->reused_ = sequence->length_;
  return sequence;
}

std::pair<KvCache::Page*, int64_t> KvCache::BestFollower(const Digest& before, std::span<const TokenId> tokens) const {
  std::pair<Page*, int64_t> best{nullptr, 0};
  const auto [begin, end] = followers_.equal_range(before);
  for (auto it = begin; it != end; ++it) {
    Page* page = it->second;
    const int64_t most = std::min(page->filled, static_cast<int64_t>(tokens.size()));
    int64_t same = 0;
    while (same < most && page->tokens[static_cast<size_t>(same)] == tokens[static_cast<size_t>(same)]) ++same;
    if (same > best.second) best = {page, same};
  }
  return best;
}

void KvCache::CopyBeginning(KvSequence* sequence, std::span<const TokenId> tokens) {
  const auto [source, count] = BestFollower(sequence->chain_, tokens);
  if (source == nullptr) return;
  Use(source);  // or taking a page might take this one
  if (available() >= 0) {
    try {
      Extend(sequence, sequence->length_ + 1);
      std::memcpy(sequence->pages_.back()->data.get(), source->data.get(), static_cast<size_t>(layout_.page_bytes()));
      Commit(sequence, tokens.first(static_cast<size_t>(count)));
    } catch (const std::bad_alloc&) {
      // Computing them needs the page too, and says so.
    }
  }
  Drop(source);
}

void KvCache::Extend(KvSequence* sequence, int64_t length) {
  while (static_cast<int64_t>(sequence->pages_.size()) * kPositions < length) {
    assert(sequence->promised_ > 0);
    Page* page = Take();
    --sequence->promised_;
    --promised_;
    sequence->pages_.push_back(page);
    sequence->data_.push_back(page->data.get());
  }
}

void KvCache::Commit(KvSequence* sequence, std::span<const TokenId> tokens) {
  for (const TokenId token : tokens) {
    Page* page = sequence->pages_[static_cast<size_t>(sequence->length_ / kPositions)];
    if (page->filled == 0) page->before = sequence->chain_;
    page->tokens[static_cast<size_t>(page->filled++)] = token;
    ++sequence->length_;
    if (page->filled < kPositions) continue;
    sequence->chain_ = ChainNext(sequence->chain_, page->tokens);
    page->key = sequence->chain_;
    // Two sequences may have computed the same page at the same time: the first one is kept.
    if (registered_.emplace(page->key, page).second) Keep(page);
  }
}

void KvCache::Truncate(KvSequence* sequence, int64_t length) {
  if (length >= sequence->length_) return;
  const int64_t first = length / kPositions;
  if (sequence->length_ / kPositions > first) sequence->chain_ = sequence->pages_[static_cast<size_t>(first)]->before;
  for (int64_t i = first; i * kPositions < sequence->length_; ++i) {
    Page* page = sequence->pages_[static_cast<size_t>(i)];
    assert(page->users == 1);
    if (page->kept) Unkeep(page);
    page->filled = std::max<int64_t>(0, length - i * kPositions);
  }
  sequence->length_ = length;
}

void KvCache::Return(KvSequence* sequence) {
  promised_ -= sequence->promised_;
  const int64_t last = sequence->length_ / kPositions;
  if (sequence->length_ % kPositions != 0) {
    Page* page = sequence->pages_[static_cast<size_t>(last)];
    const std::span<const TokenId> tokens(page->tokens.data(), static_cast<size_t>(page->filled));
    if (BestFollower(page->before, tokens).second < page->filled) Keep(page);
  }
  // The last page first: a beginning is worth more than its continuation, so it must go later.
  for (auto page = sequence->pages_.rbegin(); page != sequence->pages_.rend(); ++page) Drop(*page);
}

}  // namespace precis::engine
