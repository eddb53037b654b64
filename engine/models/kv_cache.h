// Keys and values of all sequences of a model, in pages of 64 positions under one hard budget.
//
// A page (ops/kv_layout.h) begins at a position that is a multiple of 64. A full page is registered under a hash of its
// tenant and of every token up to its end, so that a later sequence of the same tenant with the same beginning takes it
// instead of computing it: the same bits, since attention tiles are these very pages. Where the beginnings part inside
// a page, the positions before are copied: what a position holds depends on the tokens up to it only. Pages that no
// sequence uses stay, the last one of a sequence also when it is not full, least recently used first to go.
//
// Room is promised when a sequence is admitted, for all the positions it may ever have: a running sequence never runs
// out. Not thread-safe: the engine thread of the model owns it.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ops/kv_layout.h"
#include "precis/base/hash.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

class KvCache;

// The pages of one sequence. Made by KvCache::Admit, given back by its destruction.
class KvSequence {
 public:
  ~KvSequence();
  KvSequence(const KvSequence&) = delete;
  KvSequence& operator=(const KvSequence&) = delete;

  // Positions whose keys and values are there.
  int64_t length() const { return length_; }
  // Of them, found in the prefix cache (shared pages and copied positions).
  int64_t reused() const { return reused_; }
  const void* const* pages() const { return data_.data(); }
  void* page(int64_t index) { return pages_[static_cast<size_t>(index)]->data.get(); }

 private:
  friend class KvCache;
  struct FreeData {
    void operator()(void* p) const;
  };
  struct Page {
    std::unique_ptr<void, FreeData> data;
    int users = 0;
    int64_t filled = 0;  // positions that are there, of `tokens`
    std::array<TokenId, 64> tokens;
    Digest before{};                  // the chain up to this page
    Digest key{};                     // and with it, once it is full
    bool kept = false;                // in KvCache::followers_, and in registered_ if it is full
    std::list<Page*>::iterator idle;  // in KvCache::idle_ while kept and without users
  };
  explicit KvSequence(KvCache* cache) : cache_(cache) {}

  KvCache* cache_;
  std::vector<Page*> pages_;
  std::vector<const void*> data_;
  int64_t promised_ = 0;  // pages still to be taken
  int64_t length_ = 0, reused_ = 0;
  Digest chain_{};  // of the tenant and all full pages
};

class KvCache {
 public:
  KvCache(const KvLayout& layout, int64_t budget_bytes);
  ~KvCache();  // all sequences must be gone

  const KvLayout& layout() const { return layout_; }
  int64_t max_pages() const { return max_pages_; }
  int64_t max_positions() const { return max_pages_ * 64; }
  int64_t idle_pages() const { return static_cast<int64_t>(idle_.size()); }
  // Bytes of the pages in memory, idle ones included.
  int64_t allocated_bytes() const { return static_cast<int64_t>(all_.size()) * layout_.page_bytes(); }

  // A sequence with room for `positions`. Of `prompt`, at most the first `reusable` tokens may come from the prefix
  // cache. Null when there is no room now; requires that positions fit max_positions().
  std::unique_ptr<KvSequence> Admit(const std::string& tenant, std::span<const TokenId> prompt, int64_t positions,
                                    int64_t reusable);

  // Makes pages for the positions up to `length` (<= what was admitted).
  void Extend(KvSequence* sequence, int64_t length);

  // Says that the next tokens' keys and values are written, and registers the pages that they fill.
  void Commit(KvSequence* sequence, std::span<const TokenId> tokens);

  // Takes back the positions from `length` on, as if they had never been computed. They must have been computed by this
  // sequence since pages were last handed out: nobody else may have taken a page that they fill.
  void Truncate(KvSequence* sequence, int64_t length);

 private:
  friend class KvSequence;
  using Page = KvSequence::Page;
  struct DigestHash {
    size_t operator()(const Digest& d) const;
  };

  Page* Take();
  void Use(Page* page);
  void Drop(Page* page);
  void Keep(Page* page);
  void Unkeep(Page* page);
  void Return(KvSequence* sequence);
  // Of the pages that followed `before`, the one that begins with most of `tokens`; and with how many.
  std::pair<Page*, int64_t> BestFollower(const Digest& before, std::span<const TokenId> tokens) const;
  void CopyBeginning(KvSequence* sequence, std::span<const TokenId> tokens);
  int64_t available() const { return max_pages_ - in_use_ - promised_; }

  KvLayout layout_;
  int64_t max_pages_;
  int64_t in_use_ = 0;    // pages with users
  int64_t promised_ = 0;  // pages promised to sequences and not taken yet
  std::vector<std::unique_ptr<Page>> all_;
  std::vector<Page*> free_;
  std::list<Page*> idle_;                                         // kept, without users; least recently used first
  std::unordered_map<Digest, Page*, DigestHash> registered_;      // full pages, by Page::key
  std::unordered_multimap<Digest, Page*, DigestHash> followers_;  // kept pages, by Page::before
};

}  // namespace precis::engine
