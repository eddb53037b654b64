#include "tokenizers/word_cache.h"

#include <new>

namespace precis::engine {

// calloc's memory is touched only as words come: a process that tokenizes a few questions keeps a few pages.
WordCache::WordCache() : memory_(std::calloc(kEntries + 1, sizeof(Entry))) {
  if (memory_ == nullptr) throw std::bad_alloc();
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  entries_ = reinterpret_cast<Entry*>((address + sizeof(Entry) - 1) / sizeof(Entry) * sizeof(Entry));
}

void WordCache::Put(const Key& key, uint32_t offset, const Piece* pieces, size_t count) {
  if (count > kMaxPieces) return;
  Entry entry = {};
  std::memcpy(entry.key, key.bytes, sizeof entry.key);
  entry.length = key.length;
  entry.count = static_cast<uint8_t>(count);
  // Only ends are kept, so each piece must begin where the one before it ends (bytes may have no token).
  uint32_t end = offset;
  for (size_t i = 0; i < count; ++i) {
    if (pieces[i].begin != end) return;
    end = pieces[i].end;
    entry.ids[i] = pieces[i].id;
    if (i + 1 < count) entry.ends[i] = static_cast<uint8_t>(end - offset);
  }
  if (count > 0 && end != offset + key.length) return;
  Entry* place = &entries_[key.place];
  place[1] = place[0];
  place[0] = entry;
}

}  // namespace precis::engine
