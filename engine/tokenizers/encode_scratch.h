// What one call of Encode works with: kept between calls, so that a call allocates nothing but its result.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "tokenizers/aligned_text.h"
#include "tokenizers/model.h"
#include "tokenizers/word_cache.h"

namespace precis::engine {

struct EncodeScratch {
  WordCache cache;
  std::vector<TextRange> words, spare;
  std::vector<Piece> pieces;
};

// Calls at the same time take one scratch each. Thread-safe. Keeps at most kMaxIdle scratches of at most 2.5 MiB,
// however long the texts were and however many threads there are.
class ScratchPool {
 public:
  static constexpr size_t kMaxIdle = 8;

  class Lease {
   public:
    explicit Lease(ScratchPool* pool) : pool_(pool), scratch_(pool->Take()) {}
    ~Lease() { pool_->Return(std::move(scratch_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    EncodeScratch& operator*() const { return *scratch_; }

   private:
    ScratchPool* pool_;
    std::unique_ptr<EncodeScratch> scratch_;
  };

 private:
  std::unique_ptr<EncodeScratch> Take();
  void Return(std::unique_ptr<EncodeScratch> scratch);

  std::mutex mutex_;
  std::vector<std::unique_ptr<EncodeScratch>> idle_;
};

}  // namespace precis::engine
