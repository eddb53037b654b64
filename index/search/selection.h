// Which slots a search may return: alive at the view's epoch and, with a filter, of a document that matches.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "precis/index/metadata.h"
#include "search/slot_table.h"

namespace precis::index {

// Thread-safe. The view must outlive it.
class Selection {
 public:
  // Evaluates the filter once a document. `filter` may be null.
  Selection(const SlotView& view, const Filter* filter);

  bool Contains(uint32_t slot) const {
    return filtered_ ? (bits_[slot / 64] >> (slot % 64) & 1) != 0 : view_.Alive(slot);
  }
  bool filtered() const { return filtered_; }
  // Slots that match; only with a filter.
  int64_t count() const { return count_; }
  const SlotView& view() const { return view_; }

 private:
  const SlotView& view_;
  bool filtered_;
  int64_t count_ = 0;
  std::vector<uint64_t> bits_;
};

}  // namespace precis::index
