#include "ops/kv_store.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "formats/half.h"

namespace precis::engine::ops {
namespace {

constexpr int64_t kMaxHeadDim = 256;

template <typename T>
void Store(const KvLayout& layout, const T* key, const T* value, int64_t slot, T* keys) {
  const int64_t dim = layout.head_dim;
  for (int64_t d = 0; d < dim; ++d) keys[d * cpu::kKvPage + slot] = key[d];
  std::copy(value, value + dim, keys + (cpu::kKvPage + slot) * dim);
}

// q[i] * the returned scale is nearest to x[i]. A number that is not finite makes the scale NaN, so that whoever
// attends to this position hears of it.
uint16_t QuantizeBlock(const float* x, int64_t n, int8_t* q) {
  constexpr uint32_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000;
  uint32_t bits = 0;  // as integers NaN is above infinity, and that above every number
  for (int64_t i = 0; i < n; ++i) bits = std::max(bits, std::bit_cast<uint32_t>(x[i]) & kMagnitude);
  if (bits >= kInfinity) {
    std::fill(q, q + n, int8_t{0});
    return FloatToHalf(std::numeric_limits<float>::quiet_NaN());
  }
  const float most = std::bit_cast<float>(bits);
  uint16_t half = FloatToHalf(most / 127);
  if (HalfToFloat(half) * 127 < most) ++half;  // rounded up: no integer passes 127
  const float scale = HalfToFloat(half);
  const float inverse = scale > 0 ? 1 / scale : 0;
  // Adding 1.5 * 2^23 leaves a whole number, rounded to nearest, ties to even, in the low bits.
  constexpr float kRound = 12582912.0f;
  for (int64_t i = 0; i < n; ++i) {
    const float whole = x[i] * inverse + kRound;
    q[i] = static_cast<int8_t>(std::bit_cast<int32_t>(whole) - std::bit_cast<int32_t>(kRound));
  }
  return half;
}

void QuantizeHead(const float* x, int64_t dim, int8_t* q, uint16_t* scales) {
  for (int64_t d = 0; d < dim; d += cpu::kKvScaleBlock) {
    *scales++ = QuantizeBlock(x + d, std::min<int64_t>(cpu::kKvScaleBlock, dim - d), q + d);
  }
}

void StoreInt8(const KvLayout& layout, const float* key, const float* value, int64_t slot, int8_t* keys) {
  int8_t q_key[kMaxHeadDim], q_value[kMaxHeadDim];
  constexpr int kBlocks = cpu::KvScaleBlocks(kMaxHeadDim);
  uint16_t key_scales[kBlocks], value_scales[kBlocks];
  QuantizeHead(key, layout.head_dim, q_key, key_scales);
  QuantizeHead(value, layout.head_dim, q_value, value_scales);
  Store(layout, q_key, q_value, slot, keys);
  // Aligned: a head's part of a page is a multiple of 64 bytes.
  auto* scales = reinterpret_cast<uint16_t*>(keys + 2 * cpu::kKvPage * layout.head_dim);
  const int blocks = cpu::KvScaleBlocks(layout.head_dim);
  for (int b = 0; b < blocks; ++b) {
    scales[b * cpu::kKvPage + slot] = key_scales[b];
    scales[(blocks + b) * cpu::kKvPage + slot] = value_scales[b];
  }
}

}  // namespace

void StoreKv(const cpu::DecodeKernels& kernels, const KvLayout& layout, int64_t layer, const float* keys,
             const float* values, int64_t slot, void* page) {
  for (int64_t h = 0; h < layout.kv_heads; ++h) {
    const float* key = keys + h * layout.head_dim;
    const float* value = values + h * layout.head_dim;
    const int64_t at = layout.offset(layer, h);
    switch (layout.type) {
      case cpu::KvType::kF32:
        Store(layout, key, value, slot, static_cast<float*>(page) + at);
        break;
      case cpu::KvType::kF16: {
        uint16_t half_key[kMaxHeadDim], half_value[kMaxHeadDim];
        kernels.to_half(key, layout.head_dim, half_key);
        kernels.to_half(value, layout.head_dim, half_value);
        Store(layout, half_key, half_value, slot, static_cast<uint16_t*>(page) + at);
        break;
      }
      case cpu::KvType::kInt8:
        StoreInt8(layout, key, value, slot, static_cast<int8_t*>(page) + at);
        break;
    }
  }
}

}  // namespace precis::engine::ops
