// What the model made of the words seen last: most words of a text are ones that it has had before.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tokenizers/model.h"

namespace precis::engine {

namespace internal {
// Row n keeps the first n of 24 bytes.
inline constexpr auto kFirstBytes = [] {
  std::array<std::array<uint64_t, 3>, 25> masks = {};
  for (size_t size = 0; size < masks.size(); ++size) {
    for (size_t byte = 0; byte < size; ++byte) masks[size][byte / 8] |= uint64_t{0xFF} << (8 * (byte % 8));
  }
  return masks;
}();
}  // namespace internal

// A table of fixed size (2 MiB): two words to a place, a third one takes the place of the older. Holds words of at most
// kMaxKeyBytes bytes that became at most kMaxPieces tokens without a gap. What is found is exactly what was put; not
// thread-safe.
class WordCache {
 public:
  static constexpr size_t kMaxKeyBytes = 24;
  static constexpr size_t kMaxPieces = 7;

  struct Entry {
    uint64_t key[3];               // the word's bytes, zeros behind them
    uint8_t length;                // of the word; 0: an empty entry
    uint8_t count;                 // of its tokens; may be 0
    uint8_t ends[kMaxPieces - 1];  // where each token but the last ends, in bytes from the word's start
    TokenId ids[kMaxPieces + 1];   // one more than counts, for copying in one go
  };
  static_assert(sizeof(Entry) == 64);

  WordCache();

  // A word as the table compares it. Requires 1 <= size <= kMaxKeyBytes.
  struct Key {
    uint64_t bytes[3];
    uint32_t place;
    uint8_t length;
  };
  // `readable`: how many bytes may be read from `word` on, at least `size`.
  static Key MakeKey(const char* word, size_t size, size_t readable) {
    Key key;
    if (readable >= kMaxKeyBytes) {
      std::memcpy(key.bytes, word, kMaxKeyBytes);
      for (size_t i = 0; i < 3; ++i) key.bytes[i] &= internal::kFirstBytes[size][i];
    } else {
      std::memset(key.bytes, 0, kMaxKeyBytes);
      std::memcpy(key.bytes, word, size);
    }
    key.length = static_cast<uint8_t>(size);
    uint64_t hash = key.bytes[0] * 0x9E3779B97F4A7C15 ^ (key.bytes[1] + size) * 0xC2B2AE3D27D4EB4F;
    hash ^= key.bytes[2] * 0x165667B19E3779F9;
    hash ^= hash >> 32;
    hash *= 0x9E3779B97F4A7C15;
    key.place = static_cast<uint32_t>(hash >> (64 - kPlaceBits)) * 2;
    return key;
  }

  // Null when the word is not there.
  const Entry* Find(const Key& key) const {
    const Entry* entry = &entries_[key.place];
    if (Same(*entry, key)) return entry;
    return Same(*++entry, key) ? entry : nullptr;
  }

  // Remembers `pieces` for the word at `offset` of its text, if they fit.
  void Put(const Key& key, uint32_t offset, const Piece* pieces, size_t count);

 private:
  static constexpr int kPlaceBits = 14;
  static constexpr size_t kEntries = size_t{2} << kPlaceBits;
  static bool Same(const Entry& entry, const Key& key) {
    return ((entry.key[0] ^ key.bytes[0]) | (entry.key[1] ^ key.bytes[1]) | (entry.key[2] ^ key.bytes[2]) |
            static_cast<uint64_t>(entry.length ^ key.length)) == 0;
  }

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  Entry* entries_;  // in memory_, each in one cache line
};

}  // namespace precis::engine
