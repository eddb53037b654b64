#include "search/slot_table.h"

#include <cstring>
#include <new>

#include "search/distance.h"

namespace precis::index {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

void SlotBlock::Free::operator()(float* values) const { ::operator delete[](values, kAlignment); }

SlotBlock::SlotBlock(size_t stride)
    : vectors(static_cast<float*>(::operator new[](kBlockSlots* stride * sizeof(float), kAlignment))) {
  std::memset(vectors.get(), 0, kBlockSlots * stride * sizeof(float));
  for (auto& death : deaths) death.store(kAlive, std::memory_order_relaxed);
}

SlotTable::SlotTable(int dimensions)
    : dimensions_(dimensions), stride_(static_cast<size_t>(PaddedDimensions(dimensions))) {}

void SlotTable::Grow(uint32_t size) {
  const size_t needed = (static_cast<size_t>(size) + kBlockSlots - 1) / kBlockSlots;
  if (needed <= blocks_->size()) return;
  auto more = std::make_shared<SlotView::Blocks>(*blocks_);
  while (more->size() < needed) more->push_back(std::make_shared<SlotBlock>(stride_));
  blocks_ = std::move(more);
}

uint32_t SlotTable::Append(const std::shared_ptr<const DocumentEntry>& document, absl::Span<const float> vectors,
                           absl::Span<const uint32_t> lengths, uint64_t birth) {
  const uint32_t first = size_;
  const uint32_t end = first + static_cast<uint32_t>(lengths.size());
  Grow(end);
  for (uint32_t i = 0; i < lengths.size(); ++i) {
    SlotBlock& block = *(*blocks_)[(first + i) / kBlockSlots];
    const uint32_t place = (first + i) % kBlockSlots;
    std::memcpy(block.vectors.get() + place * stride_, vectors.data() + static_cast<size_t>(i) * dimensions_,
                sizeof(float) * static_cast<size_t>(dimensions_));
    block.documents[place] = document;
    block.births[place] = birth;
    block.ordinals[place] = i;
    block.lengths[place] = lengths[i];
  }
  size_ = end;
  return first;
}

void SlotTable::AppendHollow(uint32_t count) {
  Grow(size_ + count);
  Kill(size_, count, 0);
  size_ += count;
}

void SlotTable::AppendFrom(const SlotView& other, uint32_t slot) {
  Grow(size_ + 1);
  SlotBlock& block = *(*blocks_)[size_ / kBlockSlots];
  const uint32_t place = size_ % kBlockSlots;
  std::memcpy(block.vectors.get() + place * stride_, other.vector(slot), sizeof(float) * stride_);
  block.documents[place] = other.shared_document(slot);
  block.births[place] = other.birth(slot);
  block.deaths[place].store(other.death(slot), std::memory_order_relaxed);
  block.ordinals[place] = other.ordinal(slot);
  block.lengths[place] = other.length(slot);
  ++size_;
}

void SlotTable::Kill(uint32_t first, uint32_t count, uint64_t death) {
  for (uint32_t slot = first; slot < first + count; ++slot) {
    (*blocks_)[slot / kBlockSlots]->deaths[slot % kBlockSlots].store(death, std::memory_order_relaxed);
  }
}

int64_t SlotTable::MemoryBytes() const {
  return static_cast<int64_t>(blocks_->size() * (sizeof(SlotBlock) + kBlockSlots * stride_ * sizeof(float)));
}

}  // namespace precis::index
