#include "ops/kv_store.h"

#include "formats/half.h"

namespace precis::engine::ops {
namespace {

template <typename T, typename Convert>
void Store(const KvLayout& layout, int64_t layer, const float* keys, const float* values, int64_t slot, T* page,
           Convert convert) {
  const int64_t dim = layout.head_dim;
  for (int64_t h = 0; h < layout.kv_heads; ++h) {
    T* k = page + layout.offset(layer, h);
    T* v = k + 64 * dim + slot * dim;
    for (int64_t d = 0; d < dim; ++d) k[d * 64 + slot] = convert(keys[h * dim + d]);
    for (int64_t d = 0; d < dim; ++d) v[d] = convert(values[h * dim + d]);
  }
}

}  // namespace

void StoreKv(const KvLayout& layout, int64_t layer, const float* keys, const float* values, int64_t slot, void* page) {
  if (layout.half) {
    Store(layout, layer, keys, values, slot, static_cast<uint16_t*>(page), FloatToHalf);
  } else {
    Store(layout, layer, keys, values, slot, static_cast<float*>(page), [](float x) { return x; });
  }
}

}  // namespace precis::engine::ops
