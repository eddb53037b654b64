// The chunks of a collection in memory, numbered by slot: vector, document, ordinal, number of terms, birth and death.
//
// Only ever appended to; a delete writes a death (epochs.h). Blocks never move, so that a reader keeps the blocks that
// it saw and scans them without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "search/document_entry.h"

namespace precis::index {

inline constexpr uint32_t kBlockSlots = 1024;
inline constexpr uint64_t kAlive = std::numeric_limits<uint64_t>::max();

struct SlotBlock {
  explicit SlotBlock(size_t stride);

  struct Free {
    void operator()(float* values) const;
  };
  std::unique_ptr<float[], Free> vectors;  // [kBlockSlots, stride], 64-byte aligned, padding zero
  std::array<std::shared_ptr<const DocumentEntry>, kBlockSlots> documents;
  std::array<uint64_t, kBlockSlots> births{};
  std::array<std::atomic<uint64_t>, kBlockSlots> deaths;
  std::array<uint32_t, kBlockSlots> ordinals{};
  std::array<uint32_t, kBlockSlots> lengths{};  // terms
};

// What a reader holds: slots [0, size) as of `epoch`. Cheap to copy.
class SlotView {
 public:
  using Blocks = std::vector<std::shared_ptr<SlotBlock>>;
  SlotView() = default;
  SlotView(std::shared_ptr<const Blocks> blocks, uint32_t size, size_t stride, uint64_t epoch)
      : blocks_(std::move(blocks)), size_(size), stride_(stride), epoch_(epoch) {}

  uint32_t size() const { return size_; }
  size_t stride() const { return stride_; }
  uint64_t epoch() const { return epoch_; }

  const SlotBlock& block(uint32_t slot) const { return *(*blocks_)[slot / kBlockSlots]; }
  bool Alive(uint32_t slot) const {
    const SlotBlock& b = block(slot);
    const uint32_t i = slot % kBlockSlots;
    return b.births[i] <= epoch_ && b.deaths[i].load(std::memory_order_relaxed) > epoch_;
  }
  uint64_t birth(uint32_t slot) const { return block(slot).births[slot % kBlockSlots]; }
  uint64_t death(uint32_t slot) const { return block(slot).deaths[slot % kBlockSlots].load(std::memory_order_relaxed); }
  const float* vector(uint32_t slot) const {
    return block(slot).vectors.get() + static_cast<size_t>(slot % kBlockSlots) * stride_;
  }
  const DocumentEntry& document(uint32_t slot) const { return *block(slot).documents[slot % kBlockSlots]; }
  // Null for a hollow slot.
  std::shared_ptr<const DocumentEntry> shared_document(uint32_t slot) const {
    return block(slot).documents[slot % kBlockSlots];
  }
  uint32_t ordinal(uint32_t slot) const { return block(slot).ordinals[slot % kBlockSlots]; }
  uint32_t length(uint32_t slot) const { return block(slot).lengths[slot % kBlockSlots]; }

 private:
  std::shared_ptr<const Blocks> blocks_;
  uint32_t size_ = 0;
  size_t stride_ = 0;
  uint64_t epoch_ = 0;
};

// One writer at a time; View() and the writer must be kept apart by the owner, readers of a view need no lock.
class SlotTable {
 public:
  explicit SlotTable(int dimensions);

  // `vectors`: [lengths.size(), dimensions]. Returns the first of the consecutive slots.
  uint32_t Append(const std::shared_ptr<const DocumentEntry>& document, absl::Span<const float> vectors,
                  absl::Span<const uint32_t> lengths, uint64_t birth);
  // Slots that were never alive: nodes of a stored graph whose documents are gone.
  void AppendHollow(uint32_t count);
  // One slot of another table, with its birth and death.
  void AppendFrom(const SlotView& other, uint32_t slot);
  void SetDeath(uint32_t slot, uint64_t death) { Kill(slot, 1, death); }
  void Kill(uint32_t first, uint32_t count, uint64_t death);

  SlotView View(uint64_t epoch) const { return SlotView(blocks_, size_, stride_, epoch); }
  uint32_t size() const { return size_; }
  int dimensions() const { return dimensions_; }
  size_t stride() const { return stride_; }
  int64_t MemoryBytes() const;

 private:
  void Grow(uint32_t size);

  int dimensions_;
  size_t stride_;
  uint32_t size_ = 0;
  std::shared_ptr<const SlotView::Blocks> blocks_ = std::make_shared<SlotView::Blocks>();
};

}  // namespace precis::index
