// How a page of the KV cache is laid out: for every layer and KV head the keys of 64 positions, transposed to
// [head_dim][64] so that neighbouring positions are neighbouring lanes, then their values, [64][head_dim].
#pragma once

#include <cstdint>

namespace precis::engine {

struct KvLayout {
  int64_t layers = 0, kv_heads = 0, head_dim = 0;
  bool half = false;  // binary16 instead of float

  int64_t head_elements() const { return 2 * 64 * head_dim; }
  int64_t page_elements() const { return layers * kv_heads * head_elements(); }
  int64_t page_bytes() const { return page_elements() * (half ? 2 : 4); }
  // In elements, of the keys of one layer and head.
  int64_t offset(int64_t layer, int64_t head) const { return (layer * kv_heads + head) * head_elements(); }
};

}  // namespace precis::engine
