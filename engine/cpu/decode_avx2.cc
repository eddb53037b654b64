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

// In this order: each uses what stands before it.
// clang-format off
#include "cpu/decode_vec_avx2-inl.h"
#include "cpu/decode_math-inl.h"
#include "cpu/decode_attention-inl.h"
#include "cpu/decode_rows-inl.h"
// clang-format on

constexpr int kMaxRows = 4;  // 4 sums of 16 bits, 4 of 32 and 4 of floats, of 16 registers
constexpr int kMaxFloatRows = 4;
// Up to so many rows a panel is read as it is stored; above, it is unpacked first and then read once for each tile.
constexpr bool kUnpacks = true;
constexpr int kStoredRows = 2;
constexpr int kZeroOf8Bits = 0;  // the sign of a weight goes to the activation

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

template <int Bits>
PRECIS_SIMD_INLINE void UnpackGroup(const uint8_t* w, int g, uint8_t* out) {
  for (int half = 0; half < 64; half += 32) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 64 * g + half), Group<Bits>(w + half, g));
  }
}

template <class Source>
PRECIS_SIMD_INLINE __m256i GroupOf(const uint8_t* w, int g) {
  if constexpr (Source::kUnpacked) return LoadInts(w + 64 * g);
  return Group<Source::kBits>(w, g);
}

// Products of pairs in 16 bits. vpmaddubsw saturates, and cannot here: with 4 bits a pair is at most 2 * 15 * 127 =
// 3,810, so 8 of them fit before they are widened; with 5 bits 4, with 6 bits 2; with 8 bits |w| <= 128 and |x| <= 127
// give 32,512, which fits once.
template <int Bits>
PRECIS_SIMD_INLINE __m256i Pairs(__m256i q, const int8_t* x) {
  int32_t four;
  std::memcpy(&four, x, 4);
  const __m256i v = _mm256_set1_epi32(four);
  return Bits == 8 ? _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(v, q)) : _mm256_maddubs_epi16(q, v);
}

template <int Zero>
PRECIS_SIMD_INLINE __m256i Correction(int32_t less) {
  return _mm256_slli_epi32(_mm256_set1_epi32(less), std::countr_zero(static_cast<unsigned>(Zero)));
}

// The groups of scale S times one plane of the rows, for 8 columns.
template <class Source, int S, int M>
PRECIS_SIMD_INLINE void AddPlane(const uint8_t* w, const TileRows& x, int plane, Ints (&dots)[M]) {
  constexpr int kBits = Source::kBits, kGroups = 8 / Source::kScales;
  constexpr int kTogether = kBits == 4 ? 8 : kBits == 5 ? 4 : kBits == 6 ? 2 : 1;
  static_assert(kTogether <= kGroups);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i narrow[M];
#pragma GCC unroll 8
  for (int g = S * kGroups; g < (S + 1) * kGroups; ++g) {
    const __m256i q = GroupOf<Source>(w, g);
#pragma GCC unroll 4
    for (int r = 0; r < M; ++r) {
      const __m256i pairs = Pairs<kBits>(q, x.Q(r, plane) + 4 * g);
      narrow[r] = g % kTogether == 0 ? pairs : _mm256_add_epi16(narrow[r], pairs);
      if (g % kTogether == kTogether - 1) {
        dots[r].v = _mm256_add_epi32(dots[r].v, _mm256_madd_epi16(narrow[r], ones));
      }
    }
  }
}

// dots[r] = sum over the inputs of scale S of (w[column][i] - zero) * v[r][i].
template <class Source, int S, int M>
PRECIS_SIMD_INLINE void BlockDots(const uint8_t* w, const TileRows& x, Ints (&dots)[M]) {
  static_assert(M <= kRowGroup);
#pragma GCC unroll 4
  for (Ints& dot : dots) dot.v = _mm256_setzero_si256();
  if (x.Wide(0, M)) {
    // The compiler shall not keep the weights in registers for the other plane: there are too few of them.
    const uint8_t* again = w;
    asm("" : "+r"(again));
    AddPlane<Source, S, M>(again, x, 1, dots);
#pragma GCC unroll 4
    for (Ints& dot : dots) dot.v = _mm256_sub_epi32(_mm256_slli_epi32(dot.v, 8), dot.v);  // times kPlaneBase
  }
  if constexpr (Source::kZero != 0) {
#pragma GCC unroll 4
    for (int r = 0; r < M; ++r) {
      dots[r].v = _mm256_add_epi32(dots[r].v, Correction<Source::kZero>(x.Less(r, Source::kScales == 2 ? 1 + S : 0)));
    }
  }
  AddPlane<Source, S, M>(w, x, 0, dots);
}

// clang-format off
#include "cpu/decode_blocks-inl.h"
#include "cpu/decode_gemm-inl.h"
#include "cpu/decode_gemm_f32-inl.h"
#include "cpu/decode_quantize-inl.h"
// clang-format on

}  // namespace
}  // namespace avx2
}  // namespace precis::engine::cpu

PRECIS_SIMD_END

namespace precis::engine::cpu {

const DecodeKernels& Avx2DecodeKernels() {
  static constexpr DecodeKernels kTable = {
      avx2::QuantizeRow, avx2::Gemm,    avx2::GemmF32,    avx2::RmsNorm, avx2::SiluGate,  avx2::GeluGate,
      avx2::Attend,      avx2::SoftCap, avx2::AddWeights, avx2::ToHalf,  avx2::LogSumExp, avx2::Entropy,
  };
  return kTable;
}

}  // namespace precis::engine::cpu
