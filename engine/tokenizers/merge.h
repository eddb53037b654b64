// The heart of both BPE models: among all neighbouring symbols the pair of lowest rank, leftmost first, is merged until
// no pair is left.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <queue>
#include <vector>

#include "tokenizers/model.h"

namespace precis::engine {

struct Merge {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t rank = kNone;  // kNone: the pair does not merge
  TokenId id = -1;
};

// Past this many symbols a heap beats looking through all pairs for each merge.
inline constexpr size_t kShortWord = 40;

namespace internal {

// Words of a few symbols, which nearly all are: the pairs' merges in a flat array.
template <typename FindMerge>
size_t MergeShort(Piece* symbols, size_t count, const FindMerge& find) {
  Merge merges[kShortWord];
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = find(symbols[i], symbols[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == Merge::kNone) break;
    symbols[best].id = merges[best].id;
    symbols[best].end = symbols[best + 1].end;
    const size_t moved = count - best - 2;
    std::memmove(symbols + best + 1, symbols + best + 2, moved * sizeof(Piece));
    std::memmove(merges + best + 1, merges + best + 2, moved * sizeof(Merge));
    --count;
    if (best + 1 < count) merges[best] = find(symbols[best], symbols[best + 1]);
    if (best > 0) merges[best - 1] = find(symbols[best - 1], symbols[best]);
  }
  return count;
}

// Words of any length in n log n: a linked list of symbols and a heap of candidate pairs, some of them outdated.
template <typename FindMerge>
size_t MergeLong(Piece* symbols, size_t count, const FindMerge& find) {
  constexpr uint32_t kEnd = UINT32_MAX;
  struct Links {
    uint32_t previous, next;
  };
  struct Candidate {
    uint32_t rank, left, end;  // symbol `left` and its neighbour, which together end at byte `end`
    TokenId id;
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : left > other.left; }
  };
  std::vector<Links> links(count);
  std::vector<Candidate> first;
  const auto candidate = [&](uint32_t left, uint32_t right, const auto& add) {
    const Merge merge = find(symbols[left], symbols[right]);
    if (merge.rank != Merge::kNone) add(Candidate{merge.rank, left, symbols[right].end, merge.id});
  };
  for (uint32_t i = 0; i < count; ++i) {
    links[i] = {i == 0 ? kEnd : i - 1, i + 1 < count ? i + 1 : kEnd};
    if (i + 1 < count) candidate(i, i + 1, [&](const Candidate& c) { first.push_back(c); });
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap(std::greater<>(), std::move(first));
  const auto push = [&](const Candidate& c) { heap.push(c); };
  constexpr TokenId kGone = -2;
  while (!heap.empty()) {
    const Candidate top = heap.top();
    heap.pop();
    Piece& left = symbols[top.left];
    const uint32_t right = links[top.left].next;
    // Symbols only grow, so a pair is the one that was pushed exactly when both are there and end where they ended.
    if (left.id == kGone || right == kEnd || symbols[right].end != top.end) continue;
    left.id = top.id;
    left.end = top.end;
    symbols[right].id = kGone;
    const uint32_t after = links[right].next;
    links[top.left].next = after;
    if (after != kEnd) {
      links[after].previous = top.left;
      candidate(top.left, after, push);
    }
    if (links[top.left].previous != kEnd) candidate(links[top.left].previous, top.left, push);
  }
  return static_cast<size_t>(
      std::remove_if(symbols, symbols + count, [](const Piece& symbol) { return symbol.id == kGone; }) - symbols);
}

}  // namespace internal

// Merges symbols[0, count) in place and returns how many are left. `find(left, right)` gives the pair's Merge; an id of
// -1 marks a symbol that is no token (yet), which find may accept or refuse.
template <typename FindMerge>
size_t MergeSymbols(Piece* symbols, size_t count, const FindMerge& find) {
  if (count < 2) return count;
  return count <= kShortWord ? internal::MergeShort(symbols, count, find) : internal::MergeLong(symbols, count, find);
}

}  // namespace precis::engine
