// The vector operations of the decoder's kernels on 512-bit registers. Contract: decode_vec_scalar-inl.h.

constexpr int kLanes = 16;

struct Floats {
  __m512 v;
};

PRECIS_SIMD_INLINE Floats Zero() { return {_mm512_setzero_ps()}; }
PRECIS_SIMD_INLINE Floats Set(float x) { return {_mm512_set1_ps(x)}; }
PRECIS_SIMD_INLINE Floats Load(const float* p) { return {_mm512_loadu_ps(p)}; }
PRECIS_SIMD_INLINE Floats Load(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
PRECIS_SIMD_INLINE void Store(Floats a, float* p) { _mm512_storeu_ps(p, a.v); }
PRECIS_SIMD_INLINE void Store(Floats a, uint16_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
PRECIS_SIMD_INLINE Floats Add(Floats a, Floats b) { return {_mm512_add_ps(a.v, b.v)}; }
PRECIS_SIMD_INLINE Floats Sub(Floats a, Floats b) { return {_mm512_sub_ps(a.v, b.v)}; }
PRECIS_SIMD_INLINE Floats Mul(Floats a, Floats b) { return {_mm512_mul_ps(a.v, b.v)}; }
PRECIS_SIMD_INLINE Floats Div(Floats a, Floats b) { return {_mm512_div_ps(a.v, b.v)}; }
PRECIS_SIMD_INLINE Floats Max(Floats a, Floats b) { return {_mm512_max_ps(a.v, b.v)}; }
PRECIS_SIMD_INLINE Floats Min(Floats a, Floats b) { return {_mm512_min_ps(a.v, b.v)}; }
PRECIS_SIMD_INLINE Floats Fma(Floats a, Floats b, Floats c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
PRECIS_SIMD_INLINE Floats Round(Floats a) { return {_mm512_cvtepi32_ps(_mm512_cvtps_epi32(a.v))}; }
PRECIS_SIMD_INLINE Floats PowerOfTwo(Floats n) {
  const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
}
PRECIS_SIMD_INLINE uint32_t MaxMagnitudeBits32(const float* x) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  const __m512i a = _mm512_and_si512(_mm512_loadu_si512(x), magnitude);
  const __m512i b = _mm512_and_si512(_mm512_loadu_si512(x + 16), magnitude);
  return static_cast<uint32_t>(_mm512_reduce_max_epi32(_mm512_max_epi32(a, b)));
}
PRECIS_SIMD_INLINE void QuantizeBlock32(const float* x, float inverse, int8_t* q) {
  const __m512 scale = _mm512_set1_ps(inverse);
  for (int i = 0; i < 32; i += 16) {
    const __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), scale));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i), _mm512_cvtsepi32_epi8(whole));
  }
}
