// The best k of many candidates. Equal scores are ordered by document id and ordinal, never by slot: slots change with
// a restart, results must not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "search/slot_table.h"

namespace precis::index {

struct Candidate {
  double score;
  uint32_t slot;
};

// Strict order of candidates of one view, best first.
class Better {
 public:
  explicit Better(const SlotView& view) : view_(&view) {}
  bool operator()(const Candidate& a, const Candidate& b) const {
    if (a.score != b.score) return a.score > b.score;
    if (a.slot == b.slot) return false;
    const DocumentEntry& left = view_->document(a.slot);
    const DocumentEntry& right = view_->document(b.slot);
    if (&left != &right) {
      const int order = left.info.document_id.compare(right.info.document_id);
      if (order != 0) return order < 0;
    }
    return view_->ordinal(a.slot) < view_->ordinal(b.slot);
  }

 private:
  const SlotView* view_;
};

class TopK {
 public:
  TopK(const SlotView& view, size_t k) : better_(view), k_(k) {}

  void Add(Candidate candidate) {
    if (heap_.size() < k_) {
      heap_.push_back(candidate);
      std::push_heap(heap_.begin(), heap_.end(), better_);
    } else if (k_ > 0 && better_(candidate, heap_.front())) {
      std::pop_heap(heap_.begin(), heap_.end(), better_);
      heap_.back() = candidate;
      std::push_heap(heap_.begin(), heap_.end(), better_);
    }
  }
  bool full() const { return heap_.size() == k_; }
  // Requires full(). Nothing scored below it can enter.
  double worst() const { return heap_.front().score; }
  // Best first.
  std::vector<Candidate> Take() {
    std::sort_heap(heap_.begin(), heap_.end(), better_);
    return std::move(heap_);
  }

 private:
  Better better_;
  size_t k_;
  std::vector<Candidate> heap_;  // the worst one in front
};

}  // namespace precis::index
