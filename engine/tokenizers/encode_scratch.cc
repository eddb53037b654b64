#include "tokenizers/encode_scratch.h"

#include <utility>

namespace precis::engine {
namespace {

// What a long text needed beyond this is given back.
template <typename T>
void Shrink(std::vector<T>* items) {
  constexpr size_t kMaxIdleItems = 16384;
  if (items->capacity() > kMaxIdleItems) std::vector<T>().swap(*items);
}

}  // namespace

std::unique_ptr<EncodeScratch> ScratchPool::Take() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      auto scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<EncodeScratch>();
}

void ScratchPool::Return(std::unique_ptr<EncodeScratch> scratch) {
  Shrink(&scratch->words);
  Shrink(&scratch->spare);
  Shrink(&scratch->pieces);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(scratch));
}

}  // namespace precis::engine
