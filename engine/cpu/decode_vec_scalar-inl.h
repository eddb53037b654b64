// The vector operations of the decoder's kernels, one lane wide: the reference of the other two.
//
// What decode_vec_avx2-inl.h and decode_vec_avx512-inl.h must agree with, bit by bit: Max(a, b) is b when either is
// NaN; conversions to integers round to nearest, ties to even; Fma rounds once.

constexpr int kLanes = 1;
constexpr int kVectors = 16 / kLanes;  // registers that make up the 16 virtual lanes

struct Floats {
  float v;
};

PRECIS_SIMD_INLINE Floats Zero() { return {0.0f}; }
PRECIS_SIMD_INLINE Floats Set(float x) { return {x}; }
PRECIS_SIMD_INLINE Floats Load(const float* p) { return {*p}; }
PRECIS_SIMD_INLINE Floats Load(const uint16_t* p) { return {HalfToFloat(*p)}; }
PRECIS_SIMD_INLINE Floats LoadUnsigned(const uint8_t* p) { return {static_cast<float>(*p)}; }
PRECIS_SIMD_INLINE Floats LoadSigned(const uint8_t* p) { return {static_cast<float>(static_cast<int8_t>(*p))}; }
PRECIS_SIMD_INLINE Floats Load(const int8_t* p) { return LoadSigned(reinterpret_cast<const uint8_t*>(p)); }
PRECIS_SIMD_INLINE void Store(Floats a, float* p) { *p = a.v; }
PRECIS_SIMD_INLINE void Store(Floats a, uint16_t* p) { *p = FloatToHalf(a.v); }
PRECIS_SIMD_INLINE Floats Add(Floats a, Floats b) { return {a.v + b.v}; }
PRECIS_SIMD_INLINE Floats Sub(Floats a, Floats b) { return {a.v - b.v}; }
PRECIS_SIMD_INLINE Floats Mul(Floats a, Floats b) { return {a.v * b.v}; }
PRECIS_SIMD_INLINE Floats Div(Floats a, Floats b) { return {a.v / b.v}; }
PRECIS_SIMD_INLINE Floats Max(Floats a, Floats b) { return {a.v > b.v ? a.v : b.v}; }
PRECIS_SIMD_INLINE Floats Min(Floats a, Floats b) { return {a.v < b.v ? a.v : b.v}; }
PRECIS_SIMD_INLINE Floats Fma(Floats a, Floats b, Floats c) { return {std::fma(a.v, b.v, c.v)}; }
PRECIS_SIMD_INLINE Floats Round(Floats a) { return {static_cast<float>(_mm_cvtss_si32(_mm_set_ss(a.v)))}; }
// 2^n for a whole n in [-126, 127].
PRECIS_SIMD_INLINE Floats PowerOfTwo(Floats n) {
  return {std::bit_cast<float>((_mm_cvtss_si32(_mm_set_ss(n.v)) + 127) << 23)};
}
// The largest bit pattern of |x| over n values: as integers, so that NaN > infinity > every number.
PRECIS_SIMD_INLINE uint32_t MaxMagnitudeBits32(const float* x) {
  uint32_t most = 0;
  for (int i = 0; i < 32; ++i) most = std::max(most, std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu);
  return most;
}
// q[i] = round(x[i] * inverse) for 32 values.
PRECIS_SIMD_INLINE void QuantizeBlock32(const float* x, float inverse, int8_t* q) {
  for (int i = 0; i < 32; ++i) q[i] = static_cast<int8_t>(_mm_cvtss_si32(_mm_set_ss(x[i] * inverse)));
}
// two[h] = sum of the 16 values of half h.
PRECIS_SIMD_INLINE void SumHalves(const int8_t* q, int32_t* two) {
  for (int h = 0; h < 2; ++h) {
    two[h] = 0;
    for (int i = 0; i < 16; ++i) two[h] += q[16 * h + i];
  }
}
// The fixed tree: lane i with i + 8, then 4, 2, 1.
PRECIS_SIMD_INLINE float Reduce16(const Floats (&sum)[kVectors]) {
  float lane[16];
  for (int v = 0; v < 16; ++v) lane[v] = sum[v].v;
  for (int step = 8; step >= 1; step /= 2) {
    for (int i = 0; i < step; ++i) lane[i] += lane[i + step];
  }
  return lane[0];
}
// The largest lane; which one of two zeros, and what among NaN, does not matter.
PRECIS_SIMD_INLINE float ReduceMax16(const Floats (&x)[kVectors]) {
  float most = x[0].v;
  for (int v = 1; v < 16; ++v) most = most > x[v].v ? most : x[v].v;
  return most;
}
