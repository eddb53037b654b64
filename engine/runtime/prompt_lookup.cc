#include "runtime/prompt_lookup.h"

#include <algorithm>
#include <bit>

namespace precis::engine {
namespace {

// Places that are looked at. A pair as frequent as ", the" has hundreds; the latest ones are the likely ones.
constexpr int kPlaces = 32;

}  // namespace

PromptLookup::PromptLookup(int64_t capacity) {
  const size_t slots = std::bit_ceil(static_cast<size_t>(std::max<int64_t>(capacity, 16)));
  shift_ = 64 - std::countr_zero(slots);
  tokens_.reserve(static_cast<size_t>(capacity));
  earlier_.reserve(static_cast<size_t>(capacity));
  newest_.assign(slots, -1);
}

void PromptLookup::Add(TokenId token) {
  int32_t before = -1;
  if (!tokens_.empty()) {
    int32_t& newest = newest_[Slot(tokens_.back(), token)];
    before = newest;
    newest = static_cast<int32_t>(tokens_.size());
  }
  earlier_.push_back(before);
  tokens_.push_back(token);
}

PromptLookup::Match PromptLookup::Find() const {
  Match best;
  const int64_t last = static_cast<int64_t>(tokens_.size()) - 1;
  if (last < 2) return best;
  const TokenId* end = tokens_.data() + last;
  int32_t place = earlier_.back();
  for (int looked = 0; place >= 0 && looked < kPlaces && best.length < kLongest; ++looked) {
    const int64_t most = std::min<int64_t>(kLongest, place + 1);
    int64_t same = 0;
    while (same < most && tokens_[static_cast<size_t>(place - same)] == end[-same]) ++same;
    // One token alone foretells nothing, and other pairs may share the slot.
    if (same >= 2 && same > best.length) best = {same, place + 1};
    place = earlier_[static_cast<size_t>(place)];
  }
  return best;
}

}  // namespace precis::engine
