// Vec16 in one 512-bit register; see vec16.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/vec16.h"

namespace precis::engine::cpu {

struct Vec16Avx512 {
  __m512 v;

  using V = Vec16Avx512;
  static __mmask16 Mask(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
  static V Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static V LoadPartial(const float* p, int n) { return {_mm512_maskz_loadu_ps(Mask(n), p)}; }
  static V Set(float x) { return {_mm512_set1_ps(x)}; }
  static V Zero() { return {_mm512_setzero_ps()}; }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  void StorePartial(float* p, int n) const { _mm512_mask_storeu_ps(p, Mask(n), v); }

  friend V operator+(const V& a, const V& b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend V operator-(const V& a, const V& b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend V operator*(const V& a, const V& b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend V operator/(const V& a, const V& b) { return {_mm512_div_ps(a.v, b.v)}; }
  friend V Fma(const V& a, const V& b, const V& c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  friend V Max(const V& a, const V& b) { return {_mm512_max_ps(a.v, b.v)}; }
  friend V Min(const V& a, const V& b) { return {_mm512_min_ps(a.v, b.v)}; }
  friend V SelectLess(const V& a, const V& b, const V& x, const V& y) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
  }
  friend V Pow2(const V& z) {
    return {_mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(z.v), 23), _mm512_set1_epi32(0x3f800000)))};
  }
  float ReduceAdd() const {
    const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
  }
  float ReduceMax() const {
    const __m256 s8 = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 s4 = _mm_max_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_max_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_max_ss(s2, _mm_movehdup_ps(s2)));
  }
};

}  // namespace precis::engine::cpu
