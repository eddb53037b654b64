// Merges by the pair of tokens that they join: one look-up touches one cache line.
#pragma once

#include <cstdint>
#include <vector>

#include "tokenizers/merge.h"

namespace precis::engine {

// Open addressing; built once, then immutable and thread-safe.
class PairTable {
 public:
  // Room for `count` pairs.
  explicit PairTable(size_t count) {
    size_t slots = 16;
    while (slots * 2 < count * 3) slots *= 2;  // two thirds full at most
    shift_ = 64 - __builtin_ctzll(slots);
    slots_.resize(slots);
  }

  // A pair that is there already gets the new merge. Requires ids >= 0 and no more pairs than there is room for.
  void Put(TokenId left, TokenId right, const Merge& merge) {
    const uint64_t pair = Pair(left, right);
    size_t at = Place(pair);
    while (slots_[at].pair != kEmpty && slots_[at].pair != pair) at = Next(at);
    slots_[at] = {pair, merge};
  }

  // Merge{} when the pair does not merge; ids of -1 merge with nothing.
  Merge Find(TokenId left, TokenId right) const {
    const uint64_t pair = Pair(left, right);
    for (size_t at = Place(pair);; at = Next(at)) {
      if (slots_[at].pair == pair) return slots_[at].merge;
      if (slots_[at].pair == kEmpty) return Merge{};
    }
  }

  // Calls visit(left << 32 | right, merge) for each pair, in no order.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.pair != kEmpty) visit(slot.pair, slot.merge);
    }
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // the pair of -1 and -1
  struct Slot {
    uint64_t pair = kEmpty;
    Merge merge;
  };

  static uint64_t Pair(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t Place(uint64_t pair) const {
    pair ^= pair >> 29;
    return (pair * 0x9E3779B97F4A7C15) >> shift_;
  }
  size_t Next(size_t at) const { return (at + 1) & (slots_.size() - 1); }

  std::vector<Slot> slots_;  // a power of two
  int shift_;
};

}  // namespace precis::engine
