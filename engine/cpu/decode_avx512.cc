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

constexpr int kMaxRows = 12;  // 12 sums of integers and 12 of floats, of 32 registers
// Up to so many rows a panel is read as it is stored; above, it is unpacked first and then read once for each tile.
constexpr int kStoredRows = kMaxRows;
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

PRECIS_SIMD_INLINE __m512i Broadcast4(const int8_t* p) {
  int32_t four;
  std::memcpy(&four, p, 4);
  return _mm512_set1_epi32(four);
}

// zero * less for a zero that is a power of two.
template <int Zero>
PRECIS_SIMD_INLINE __m512i Correction(int32_t less) {
  return _mm512_slli_epi32(_mm512_set1_epi32(less), std::countr_zero(static_cast<unsigned>(Zero)));
}

// Adds w[column][i] * q[r][i] of one plane, for 16 columns and the rows [From, From + Count) of M. vpdpbusd adds four
// products straight into 32 bits: nothing can saturate.
template <class Source, int From, int Count, int M>
PRECIS_SIMD_INLINE void AddPlane(const uint8_t* w, const TileRows& x, int plane, Ints (&dots)[Source::kScales][M]) {
#pragma GCC unroll 8
  for (int g = 0; g < 8; ++g) {
    const __m512i q = GroupOf<Source>(w, g);
#pragma GCC unroll 12
    for (int r = From; r < From + Count; ++r) {
      __m512i& dot = dots[Source::kScales == 2 ? g / 4 : 0][r].v;
      dot = _mm512_dpbusd_epi32(dot, q, Broadcast4(x.Q(r, plane) + 4 * g));
    }
  }
}

// The second plane of the rows from `From` on, group by group of rows that lie together, where one of them has it.
template <class Source, int From, int M>
PRECIS_SIMD_INLINE void AddWide(const uint8_t* w, const TileRows& x, Ints (&dots)[Source::kScales][M]) {
  constexpr int kCount = std::min(M - From, kRowGroup);
  if (x.Wide(From / kRowGroup, kCount)) {
    // The compiler shall not keep the weights in registers for the other plane: there are too few of them.
    const uint8_t* again = w;
    asm("" : "+r"(again));
    AddPlane<Source, From, kCount, M>(again, x, 1, dots);
#pragma GCC unroll 2
    for (int s = 0; s < Source::kScales; ++s) {
#pragma GCC unroll 4
      for (int r = From; r < From + kCount; ++r) {
        dots[s][r].v = _mm512_sub_epi32(_mm512_slli_epi32(dots[s][r].v, 8), dots[s][r].v);  // times kPlaneBase
      }
    }
  }
  if constexpr (From + kCount < M) AddWide<Source, From + kCount, M>(w, x, dots);
}

// dots[s][r] = sum over the inputs of scale s of (w[column][i] - zero) * v[r][i].
template <class Source, int M>
PRECIS_SIMD_INLINE void BlockDots(const uint8_t* w, const TileRows& x, Ints (&dots)[Source::kScales][M]) {
  constexpr int kScales = Source::kScales, kZero = Source::kBits == 8 ? kZeroOf8Bits : Source::kZero;
#pragma GCC unroll 2
  for (int s = 0; s < kScales; ++s) {
#pragma GCC unroll 12
    for (int r = 0; r < M; ++r) dots[s][r].v = _mm512_setzero_si512();
  }
  AddWide<Source, 0, M>(w, x, dots);
  if constexpr (kZero != 0) {
#pragma GCC unroll 2
    for (int s = 0; s < kScales; ++s) {
#pragma GCC unroll 12
      for (int r = 0; r < M; ++r) {
        dots[s][r].v = _mm512_add_epi32(dots[s][r].v, Correction<kZero>(x.Less(r, kScales == 2 ? 1 + s : 0)));
      }
    }
  }
  AddPlane<Source, 0, M, M>(w, x, 0, dots);
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
