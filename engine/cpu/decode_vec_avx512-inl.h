// The vector operations of the decoder's kernels on 512-bit registers. Contract: decode_vec_scalar-inl.h.

constexpr int kLanes = 16;
constexpr int kVectors = 16 / kLanes;

struct Floats {
  __m512 v;
};

PRECIS_SIMD_INLINE Floats Zero() { return {_mm512_setzero_ps()}; }
PRECIS_SIMD_INLINE Floats Set(float x) { return {_mm512_set1_ps(x)}; }
PRECIS_SIMD_INLINE Floats Load(const float* p) { return {_mm512_loadu_ps(p)}; }
PRECIS_SIMD_INLINE Floats Load(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
PRECIS_SIMD_INLINE Floats LoadUnsigned(const uint8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
PRECIS_SIMD_INLINE Floats LoadSigned(const uint8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
PRECIS_SIMD_INLINE Floats Load(const int8_t* p) { return LoadSigned(reinterpret_cast<const uint8_t*>(p)); }
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
  // Not vpmovsdb: with memory as its target it takes a hundred cycles on Zen 4, and the compiler makes it so.
  const __m512 scale = _mm512_set1_ps(inverse);
  const __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), scale));
  const __m512i b = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16), scale));
  const __m512i words = _mm512_packs_epi32(a, b);
  const __m256i bytes = _mm256_packs_epi16(_mm512_castsi512_si256(words), _mm512_extracti64x4_epi64(words, 1));
  // The packs work within 128-bit lanes; put the groups of four back in order.
  const __m256i order = _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(q), _mm256_permutevar8x32_epi32(bytes, order));
}
PRECIS_SIMD_INLINE void SumHalves(const int8_t* q, int32_t* two) {
  const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), values);
  __m256i sum = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0x4e));
  sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32(sum, 0xb1));
  two[0] = _mm_cvtsi128_si32(_mm256_castsi256_si128(sum));
  two[1] = _mm_cvtsi128_si32(_mm256_extracti128_si256(sum, 1));
}
PRECIS_SIMD_INLINE float Reduce16(const Floats (&sum)[kVectors]) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sum[0].v), _mm512_extractf32x8_ps(sum[0].v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
PRECIS_SIMD_INLINE float ReduceMax16(const Floats (&x)[kVectors]) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x[0].v), _mm512_extractf32x8_ps(x[0].v, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}
