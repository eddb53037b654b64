// The decoder's kernels for AVX-512 (F, BW, VL, DQ) with VNNI.
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "cpu/decode_kernels.h"
#include "cpu/decode_simd.h"
#include "cpu/q_format.h"

#if !defined(__clang__)
// g++ 12 reports its own _mm512_undefined_ps (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

PRECIS_SIMD_BEGIN("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")

namespace precis::engine::cpu {
namespace avx512 {
namespace {

#include "cpu/decode_vec_avx512-inl.h"

constexpr int kMaxRows = 8;

struct Ints {
  __m512i v;
};
PRECIS_SIMD_INLINE Floats ToFloats(Ints a) { return {_mm512_cvtepi32_ps(a.v)}; }

PRECIS_SIMD_INLINE __m512i LoadInts(const uint8_t* p) { return _mm512_loadu_si512(p); }

// The 64 integers of group g of 16 outputs, unsigned: vpdpbusd wants them so. With 8 bits that adds 128 to each.
template <int Bits>
PRECIS_SIMD_INLINE __m512i Group(const uint8_t* w, int g) {
  if constexpr (Bits == 8) {
    return _mm512_xor_si512(LoadInts(w + 64 * g), _mm512_set1_epi8(static_cast<char>(0x80)));
  } else {
    const __m512i raw = LoadInts(w + 64 * (g % 4));
    const __m512i low = _mm512_and_si512(g < 4 ? raw : _mm512_srli_epi16(raw, 4), _mm512_set1_epi8(15));
    if constexpr (Bits == 4) {
      return low;
    } else {
      const __m512i plane = LoadInts(w + 256 + (Bits == 6 ? 64 * (g / 4) : 0));
      const int from = Bits == 5 ? g : 2 * (g % 4);
      const __m512i high = from <= 4 ? _mm512_slli_epi16(plane, 4 - from) : _mm512_srli_epi16(plane, from - 4);
      constexpr int kAndOr = 0xea;  // (a & b) | c
      return _mm512_ternarylogic_epi32(high, _mm512_set1_epi8(Bits == 5 ? 0x10 : 0x30), low, kAndOr);
    }
  }
}

// dots[s][r] = sum over the inputs of scale s of (q[column][i] - zero) * x[r][i], for 16 columns. vpdpbusd adds four
// products straight into 32 bits: nothing can saturate.
template <int Bits, int Scales, int Zero, int M>
PRECIS_SIMD_INLINE void BlockDots(const uint8_t* w, int /*column*/, const int8_t* x, int64_t x_stride,
                                  const int32_t* sums, int64_t sums_stride, Ints (&dots)[Scales][M]) {
  constexpr int kZero = Bits == 8 ? 128 : Zero;
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
    const int32_t* sum = sums + r * sums_stride;
    if constexpr (Scales == 2) {
      dots[0][r].v = _mm512_set1_epi32(-kZero * sum[0]);
      dots[1][r].v = _mm512_set1_epi32(-kZero * sum[1]);
    } else {
      dots[0][r].v = kZero == 0 ? _mm512_setzero_si512() : _mm512_set1_epi32(-kZero * (sum[0] + sum[1]));
    }
  }
  // With few rows a second set of sums halves the chain of dependent vpdpbusd; integers do not mind the order.
  constexpr bool kTwoChains = Scales == 1 && M <= 2;
  __m512i second[M];
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) second[r] = _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int g = 0; g < 8; ++g) {
    const __m512i q = Group<Bits>(w, g);
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      int32_t four;
      std::memcpy(&four, x + r * x_stride + 4 * g, 4);
      __m512i& dot = kTwoChains && g >= 4 ? second[r] : dots[Scales == 2 ? g / 4 : 0][r].v;
      dot = _mm512_dpbusd_epi32(dot, q, _mm512_set1_epi32(four));
    }
  }
  if constexpr (kTwoChains) {
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) dots[0][r].v = _mm512_add_epi32(dots[0][r].v, second[r]);
  }
}

// In this order: attention uses the functions of decode_math.
// clang-format off
#include "cpu/decode_math-inl.h"
#include "cpu/decode_attention-inl.h"
#include "cpu/decode_gemm-inl.h"
// clang-format on

}  // namespace
}  // namespace avx512
}  // namespace precis::engine::cpu

PRECIS_SIMD_END

namespace precis::engine::cpu {

const DecodeKernels& Avx512DecodeKernels() {
  static constexpr DecodeKernels kTable = {
      avx512::QuantizeRows, avx512::Gemm,   avx512::GemmF32, avx512::RmsNorm,   avx512::SiluGate,
      avx512::GeluGate,     avx512::Attend, avx512::SoftCap, avx512::LogSumExp,
  };
  return kTable;
}

}  // namespace precis::engine::cpu
