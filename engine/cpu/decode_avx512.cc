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

// In this order: each uses what stands before it.
// clang-format off
#include "cpu/decode_vec_avx512-inl.h"
#include "cpu/decode_math-inl.h"
#include "cpu/decode_attention-inl.h"
#include "cpu/decode_rows-inl.h"
// clang-format on

constexpr int kMaxRows = 8;  // 8 sums of integers, 8 of floats and what is in between, of 32 registers
constexpr int kMaxFloatRows = 12;
constexpr bool kUnpacks = false;  // what unpacks runs beside vpdpbusd, on other ports
constexpr int kStoredRows = 0;
constexpr int kZeroOf8Bits = 128;  // vpdpbusd wants unsigned weights

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

template <int Bits>
PRECIS_SIMD_INLINE void UnpackGroup(const uint8_t* w, int g, uint8_t* out) {
  _mm512_storeu_si512(out + 64 * g, Group<Bits>(w, g));
}

template <class Source>
PRECIS_SIMD_INLINE __m512i GroupOf(const uint8_t* w, int g) {
  if constexpr (Source::kUnpacked) return LoadInts(w + 64 * g);
  return Group<Source::kBits>(w, g);
}

// zero * less for a zero that is a power of two.
template <int Zero>
PRECIS_SIMD_INLINE __m512i Correction(int32_t less) {
  return _mm512_slli_epi32(_mm512_set1_epi32(less), std::countr_zero(static_cast<unsigned>(Zero)));
}

// Adds to each of 16 columns the products of four inputs, straight into 32 bits: nothing can saturate. In assembly,
// because g++ 12 would load the inputs into registers of their own, and there is none to spare.
PRECIS_SIMD_INLINE void AddProducts(__m512i& sum, __m512i weights, const int8_t* inputs) {
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(weights), "m"(*reinterpret_cast<const int32_t*>(inputs)));
}

// The groups of scale S times one plane of the rows [From, From + M).
template <class Source, int S, int From, int M>
PRECIS_SIMD_INLINE void AddPlane(const uint8_t* w, const TileRows& x, int plane, Ints (&dots)[M]) {
  constexpr int kGroups = 8 / Source::kScales;
#pragma GCC unroll 8
  for (int g = S * kGroups; g < (S + 1) * kGroups; ++g) {
    const __m512i q = GroupOf<Source>(w, g);
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) AddProducts(dots[r].v, q, x.Q(From + r, plane) + 4 * g);
  }
}

// The second plane of the rows from `From` on, group by group of rows that lie together, where one of them has it.
template <class Source, int S, int From, int M>
PRECIS_SIMD_INLINE void AddWide(const uint8_t* w, const TileRows& x, Ints (&dots)[M]) {
  constexpr int kCount = std::min(M - From, kRowGroup);
  if (x.Wide(From / kRowGroup, kCount)) {
    Ints upper[kCount];
#pragma GCC unroll 4
    for (Ints& u : upper) u.v = _mm512_setzero_si512();
    AddPlane<Source, S, From, kCount>(w, x, 1, upper);
#pragma GCC unroll 4
    for (int r = 0; r < kCount; ++r) {
      const __m512i times_base = _mm512_sub_epi32(_mm512_slli_epi32(upper[r].v, 8), upper[r].v);
      dots[From + r].v = _mm512_add_epi32(dots[From + r].v, times_base);
    }
  }
  if constexpr (From + kCount < M) AddWide<Source, S, From + kCount, M>(w, x, dots);
}

// dots[r] = sum over the inputs of scale S of (w[column][i] - zero) * v[r][i].
template <class Source, int S, int M>
PRECIS_SIMD_INLINE void BlockDots(const uint8_t* w, const TileRows& x, Ints (&dots)[M]) {
  constexpr int kZero = Source::kBits == 8 ? kZeroOf8Bits : Source::kZero;
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
    if constexpr (kZero != 0) {
      dots[r].v = Correction<kZero>(x.Less(r, Source::kScales == 2 ? 1 + S : 0));
    } else {
      dots[r].v = _mm512_setzero_si512();
    }
  }
  AddPlane<Source, S, 0, M>(w, x, 0, dots);
  if (x.AnyWide(M)) AddWide<Source, S, 0, M>(w, x, dots);
}

// clang-format off
#include "cpu/decode_blocks-inl.h"
#include "cpu/decode_gemm-inl.h"
#include "cpu/decode_gemm_f32-inl.h"
#include "cpu/decode_quantize-inl.h"
// clang-format on

}  // namespace
}  // namespace avx512
}  // namespace precis::engine::cpu

PRECIS_SIMD_END

namespace precis::engine::cpu {

const DecodeKernels& Avx512DecodeKernels() {
  static constexpr DecodeKernels kTable = {
      avx512::QuantizeRow, avx512::Gemm,    avx512::GemmF32,    avx512::RmsNorm, avx512::SiluGate,  avx512::GeluGate,
      avx512::Attend,      avx512::SoftCap, avx512::AddWeights, avx512::ToHalf,  avx512::LogSumExp, avx512::Entropy,
  };
  return kTable;
}

}  // namespace precis::engine::cpu
