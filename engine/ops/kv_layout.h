// How a page of the KV cache is laid out: for every layer and KV head the keys of 64 positions, transposed to
// [head_dim][64] so that neighbouring positions are neighbouring lanes, then their values, [64][head_dim]. With
// integers the scales follow, in binary16: those of the keys, [blocks][64], then those of the values, [blocks][64].
#pragma once

#include <cstdint>

#include "cpu/kv_type.h"

namespace precis::engine {

struct KvLayout {
  int64_t layers = 0, kv_heads = 0, head_dim = 0;
  cpu::KvType type = cpu::KvType::kF32;

  // An element is a stored number; a scale counts as two of a byte.
  int64_t element_bytes() const { return type == cpu::KvType::kF32 ? 4 : type == cpu::KvType::kF16 ? 2 : 1; }
  int64_t head_elements() const {
    const int64_t scales = type == cpu::KvType::kInt8 ? cpu::KvScaleBlocks(head_dim) * 2 : 0;
    return 2 * cpu::kKvPage * (head_dim + scales);
  }
  int64_t page_elements() const { return layers * kv_heads * head_elements(); }
  int64_t page_bytes() const { return page_elements() * element_bytes(); }
  // In elements, of the keys of one layer and head.
  int64_t offset(int64_t layer, int64_t head) const { return (layer * kv_heads + head) * head_elements(); }
};

}  // namespace precis::engine
