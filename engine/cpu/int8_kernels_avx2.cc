#include "cpu/int8_kernels-inl.h"
#include "cpu/vec16_avx2.h"

namespace precis::engine::cpu {

// vpmaddubsw multiplies unsigned by signed and adds two products in 16 bits, which saturates at 32,767. So the weights
// lose their signs, and inputs are inverted where the weight was negative: ~x = -x - 1. That is one free operation
// (vpsignb shares a port with the products), 2 * 127 * 128 = 32,512 fits, and the sum of the negative weights puts the
// 1 right at the end.
struct IntLanesAvx2 {
  using V = Vec16Avx2;
  struct Acc {
    __m256i lo, hi;
  };
  struct Weights {
    __m256i lo, hi;                    // magnitudes with 8 bits
    __m256i negative_lo, negative_hi;  // 8 bits only: all ones where the weight is negative
  };
  static constexpr int kRows8 = 4, kRows16 = 6, kPanels = 1;

  static Acc Zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static __m256i LoadHalf(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  template <IntWidth kWidth>
  static Weights Load(const uint8_t* p) {
    Weights w;
    w.lo = LoadHalf(p);
    w.hi = LoadHalf(p + 32);
    if constexpr (kWidth == IntWidth::k8) {
      w.negative_lo = _mm256_cmpgt_epi8(_mm256_setzero_si256(), w.lo);
      w.negative_hi = _mm256_cmpgt_epi8(_mm256_setzero_si256(), w.hi);
      w.lo = _mm256_abs_epi8(w.lo);
      w.hi = _mm256_abs_epi8(w.hi);
    }
    return w;
  }
  static __m256i Broadcast(uint32_t x) { return _mm256_set1_epi32(static_cast<int32_t>(x)); }
  template <IntWidth kWidth>
  static Acc Dot(Acc acc, const Weights& w, __m256i x) {
    if constexpr (kWidth == IntWidth::k8) {
      const __m256i ones = _mm256_set1_epi16(1);
      const __m256i lo = _mm256_maddubs_epi16(w.lo, _mm256_xor_si256(x, w.negative_lo));
      const __m256i hi = _mm256_maddubs_epi16(w.hi, _mm256_xor_si256(x, w.negative_hi));
      return {_mm256_add_epi32(acc.lo, _mm256_madd_epi16(lo, ones)),
              _mm256_add_epi32(acc.hi, _mm256_madd_epi16(hi, ones))};
    } else {
      return {_mm256_add_epi32(acc.lo, _mm256_madd_epi16(w.lo, x)),
              _mm256_add_epi32(acc.hi, _mm256_madd_epi16(w.hi, x))};
    }
  }
  template <IntWidth kWidth>
  static void Store(Acc acc, const int32_t* /*sums*/, const int32_t* negatives, int32_t* out) {
    if constexpr (kWidth == IntWidth::k8) {
      acc = {_mm256_sub_epi32(acc.lo, LoadHalf(negatives)), _mm256_sub_epi32(acc.hi, LoadHalf(negatives + 8))};
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), acc.lo);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), acc.hi);
  }
  static V ToFloat(const int32_t* p) { return {_mm256_cvtepi32_ps(LoadHalf(p)), _mm256_cvtepi32_ps(LoadHalf(p + 8))}; }
  static __m256i ToInt16(const V& v) {
    const __m256i q = _mm256_packs_epi32(_mm256_cvtps_epi32(v.lo), _mm256_cvtps_epi32(v.hi));
    return _mm256_permute4x64_epi64(q, 0xd8);
  }
  static void Round8(const V& v, int lanes, uint8_t* out) {
    const __m256i q = ToInt16(v);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    if (lanes == kLanes) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    } else {
      alignas(16) uint8_t all[16];
      _mm_store_si128(reinterpret_cast<__m128i*>(all), bytes);
      for (int i = 0; i < lanes; ++i) out[i] = all[i];
    }
  }
  static void Round16(const V& v, int lanes, int16_t* out) {
    const __m256i q = ToInt16(v);
    if (lanes == kLanes) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), q);
    } else {
      alignas(32) int16_t all[16];
      _mm256_store_si256(reinterpret_cast<__m256i*>(all), q);
      for (int i = 0; i < lanes; ++i) out[i] = all[i];
    }
  }
};

constexpr IntKernels kAvx2IntTable = IntKernelBodies<IntLanesAvx2>::Table();
const IntKernels kIntKernelsAvx2 = kAvx2IntTable;

}  // namespace precis::engine::cpu
