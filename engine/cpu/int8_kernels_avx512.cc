#include "cpu/int8_kernels-inl.h"
#include "cpu/vec16_avx512.h"

namespace precis::engine::cpu {

// vpdpbusd multiplies unsigned by signed and adds four products straight into 32 bits: inputs are raised by 128, and
// 128 times the weights' sum is taken back.
struct IntLanesAvx512 {
  using V = Vec16Avx512;
  using Acc = __m512i;
  using Weights = __m512i;
  static constexpr int kRows8 = 12, kRows16 = 12, kPanels = 2;
  static constexpr int kRaiseBits = 7;

  static Acc Zero() { return _mm512_setzero_si512(); }
  template <IntWidth>
  static Weights Load(const uint8_t* p) {
    return _mm512_loadu_si512(p);
  }
  static __m512i Broadcast(uint32_t x) { return _mm512_set1_epi32(static_cast<int32_t>(x)); }
  // Assembly: g++ 12 copies the sums of these intrinsics through the stack.
  template <IntWidth kWidth>
  static Acc Dot(Acc acc, Weights w, __m512i x) {
    if constexpr (kWidth == IntWidth::k8) {
      asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    } else {
      asm("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
    }
    return acc;
  }
  template <IntWidth kWidth>
  static void Store(Acc acc, const int32_t* sums, const int32_t* /*negatives*/, int32_t* out) {
    if constexpr (kWidth == IntWidth::k8) {
      acc = _mm512_sub_epi32(acc, _mm512_slli_epi32(_mm512_loadu_si512(sums), kRaiseBits));
    }
    _mm512_storeu_si512(out, acc);
  }
  static V ToFloat(const int32_t* p) { return {_mm512_cvtepi32_ps(_mm512_loadu_si512(p))}; }
  static void Round8(const V& v, int lanes, uint8_t* out) {
    const __m128i q = _mm_xor_si128(_mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v.v)), _mm_set1_epi8(-128));
    _mm_mask_storeu_epi8(out, V::Mask(lanes), q);
  }
  static void Round16(const V& v, int lanes, int16_t* out) {
    _mm256_mask_storeu_epi16(out, V::Mask(lanes), _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(v.v)));
  }
};

constexpr IntKernels kAvx512IntTable = IntKernelBodies<IntLanesAvx512>::Table();
const IntKernels kIntKernelsAvx512 = kAvx512IntTable;

}  // namespace precis::engine::cpu
