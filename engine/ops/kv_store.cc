#include "ops/kv_store.h"

#include <algorithm>

namespace precis::engine::ops {
namespace {

template <typename T>
void Store(const KvLayout& layout, const T* key, const T* value, int64_t slot, T* keys) {
  const int64_t dim = layout.head_dim;
  for (int64_t d = 0; d < dim; ++d) keys[d * 64 + slot] = key[d];
  std::copy(value, value + dim, keys + (64 + slot) * dim);
}

}  // namespace

void StoreKv(const cpu::DecodeKernels& kernels, const KvLayout& layout, int64_t layer, const float* keys,
             const float* values, int64_t slot, void* page) {
  for (int64_t h = 0; h < layout.kv_heads; ++h) {
    const float* key = keys + h * layout.head_dim;
    const float* value = values + h * layout.head_dim;
    if (layout.half) {
      uint16_t half_key[256], half_value[256];  // the largest head
      kernels.to_half(key, layout.head_dim, half_key);
      kernels.to_half(value, layout.head_dim, half_value);
      Store(layout, half_key, half_value, slot, static_cast<uint16_t*>(page) + layout.offset(layer, h));
    } else {
      Store(layout, key, value, slot, static_cast<float*>(page) + layout.offset(layer, h));
    }
  }
}

}  // namespace precis::engine::ops
