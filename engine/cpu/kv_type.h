// How the numbers of a page of the KV cache are stored.
#pragma once

#include <cstdint>

namespace precis::engine::cpu {

inline constexpr int kKvPage = 64;  // positions of a page, and of an attention tile

enum class KvType : uint8_t {
  kF32,
  kF16,   // binary16
  kInt8,  // integers in [-127, 127], times a binary16 scale that kKvScaleBlock values of a head share
};

// Values of one position and head that share a scale: 34 bytes for 32 values, as Q8_0 has it. The last block of a head
// may have 16.
inline constexpr int kKvScaleBlock = 32;
constexpr int KvScaleBlocks(int64_t head_dim) {
  return static_cast<int>((head_dim + kKvScaleBlock - 1) / kKvScaleBlock);
}

}  // namespace precis::engine::cpu
