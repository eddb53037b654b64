#include "search/selection.h"

namespace precis::index {

Selection::Selection(const SlotView& view, const Filter* filter) : view_(view), filtered_(filter != nullptr) {
  if (!filtered_) return;
  bits_.assign((view.size() + 63) / 64, 0);
  // A document's slots stand together: remembering the last one evaluates the filter once for each.
  const DocumentEntry* last = nullptr;
  bool matches = false;
  for (uint32_t slot = 0; slot < view.size(); ++slot) {
    if (!view.Alive(slot)) continue;
    const DocumentEntry& document = view.document(slot);
    if (&document != last) {
      last = &document;
      matches = Matches(*filter, document.subject());
    }
    if (!matches) continue;
    bits_[slot / 64] |= uint64_t{1} << (slot % 64);
    ++count_;
  }
}

}  // namespace precis::index
