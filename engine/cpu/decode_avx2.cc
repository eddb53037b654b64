// The decoder's kernels for AVX2 with FMA and F16C.
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

PRECIS_SIMD_BEGIN("avx2,fma,f16c")

namespace precis::engine::cpu {
namespace avx2 {
namespace {

#include "cpu/decode_vec_avx2-inl.h"

constexpr int kMaxRows = 4;

struct Ints {
  __m256i v;
};
PRECIS_SIMD_INLINE Floats ToFloats(Ints a) { return {_mm256_cvtepi32_ps(a.v)}; }

PRECIS_SIMD_INLINE __m256i LoadInts(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// The 32 integers of group g of 8 outputs; signed with 8 bits, else unsigned.
template <int Bits>
PRECIS_SIMD_INLINE __m256i Group(const uint8_t* w, int g) {
  if constexpr (Bits == 8) {
    return LoadInts(w + 64 * g);
  } else {
    const __m256i raw = LoadInts(w + 64 * (g % 4));
    const __m256i low = _mm256_and_si256(g < 4 ? raw : _mm256_srli_epi16(raw, 4), _mm256_set1_epi8(15));
    if constexpr (Bits == 4) {
      return low;
    } else {
      const __m256i plane = LoadInts(w + 256 + (Bits == 6 ? 64 * (g / 4) : 0));
      const int from = Bits == 5 ? g : 2 * (g % 4);
      const __m256i high = from <= 4 ? _mm256_slli_epi16(plane, 4 - from) : _mm256_srli_epi16(plane, from - 4);
      return _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(Bits == 5 ? 0x10 : 0x30)));
    }
  }
}

// dots[s][r] = sum over the inputs of scale s of (q[column][i] - zero) * x[r][i], for 8 columns.
//
// vpmaddubsw adds two products in 16 bits and saturates. It cannot here: with 4 bits a pair is at most 2 * 15 * 127 =
// 3,810, so 8 of them fit before they are widened; with 5 bits 4, with 6 bits 2; with 8 bits |w| <= 128 and |x| <= 127
// give 32,512, which fits once.
template <int Bits, int Scales, int Zero, int M>
PRECIS_SIMD_INLINE void BlockDots(const uint8_t* w, int column, const int8_t* x, int64_t x_stride, const int32_t* sums,
                                  int64_t sums_stride, Ints (&dots)[Scales][M]) {
  constexpr int kTogether = Bits == 4 ? 8 : Bits == 5 ? 4 : Bits == 6 ? 2 : 1;
  static_assert(Scales == 1 || kTogether <= 4);
  const __m256i ones = _mm256_set1_epi16(1);
  w += 4 * column;
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
    const int32_t* sum = sums + r * sums_stride;
    if constexpr (Scales == 2) {
      dots[0][r].v = _mm256_set1_epi32(-Zero * sum[0]);
      dots[1][r].v = _mm256_set1_epi32(-Zero * sum[1]);
    } else {
      dots[0][r].v = Zero == 0 ? _mm256_setzero_si256() : _mm256_set1_epi32(-Zero * (sum[0] + sum[1]));
    }
  }
  __m256i narrow[M];
#pragma GCC unroll 8
  for (int g = 0; g < 8; ++g) {
    const __m256i q = Group<Bits>(w, g);
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      int32_t four;
      std::memcpy(&four, x + r * x_stride + 4 * g, 4);
      const __m256i v = _mm256_set1_epi32(four);
      const __m256i pairs =
          Bits == 8 ? _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(v, q)) : _mm256_maddubs_epi16(q, v);
      narrow[r] = g % kTogether == 0 ? pairs : _mm256_add_epi16(narrow[r], pairs);
      if (g % kTogether == kTogether - 1) {
        __m256i& dot = dots[Scales == 2 ? g / 4 : 0][r].v;
        dot = _mm256_add_epi32(dot, _mm256_madd_epi16(narrow[r], ones));
      }
    }
  }
}

// In this order: attention uses the functions of decode_math.
// clang-format off
#include "cpu/decode_math-inl.h"
#include "cpu/decode_attention-inl.h"
#include "cpu/decode_gemm-inl.h"
// clang-format on

}  // namespace
}  // namespace avx2
}  // namespace precis::engine::cpu

PRECIS_SIMD_END

namespace precis::engine::cpu {

const DecodeKernels& Avx2DecodeKernels() {
  static constexpr DecodeKernels kTable = {
      avx2::QuantizeRows, avx2::Gemm,   avx2::GemmF32, avx2::RmsNorm,   avx2::SiluGate,
      avx2::GeluGate,     avx2::Attend, avx2::SoftCap, avx2::LogSumExp,
  };
  return kTable;
}

}  // namespace precis::engine::cpu
