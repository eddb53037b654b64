// The decoder's kernels in plain C++: the reference of the other two files, and for CPUs without AVX2.
#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "cpu/decode_kernels.h"
#include "cpu/decode_simd.h"
#include "cpu/q_format.h"
#include "formats/half.h"

namespace precis::engine::cpu {
namespace scalar {
namespace {

// In this order: each uses what stands before it.
// clang-format off
#include "cpu/decode_vec_scalar-inl.h"
#include "cpu/decode_math-inl.h"
#include "cpu/decode_attention-inl.h"
#include "cpu/decode_rows-inl.h"
// clang-format on

constexpr int kMaxRows = 1;
constexpr int kMaxFloatRows = 1;
constexpr bool kUnpacks = false;
constexpr int kStoredRows = 0;
constexpr int kZeroOf8Bits = 0;

struct Ints {
  int32_t v;
};
PRECIS_SIMD_INLINE Floats ToFloats(Ints a) { return {static_cast<float>(a.v)}; }

// dots[r] = sum over the inputs of scale S of (w[column][i] - zero) * v[r][i].
template <class Source, int S, int M>
PRECIS_SIMD_INLINE void BlockDots(const uint8_t* w, const TileRows& x, Ints (&dots)[M]) {
  constexpr int kBits = Source::kBits, kGroups = 8 / Source::kScales;
  for (int r = 0; r < M; ++r) {
    dots[r].v = Source::kZero * x.Less(r, Source::kScales == 2 ? 1 + S : 0);
    for (int g = S * kGroups; g < (S + 1) * kGroups; ++g) {
      for (int i = 0; i < 4; ++i) {
        int q;
        if constexpr (kBits == 8) {
          q = static_cast<int8_t>(w[64 * g + i]);
        } else {
          q = g < 4 ? w[64 * g + i] & 15 : w[64 * (g - 4) + i] >> 4;
          if constexpr (kBits == 5) q |= ((w[256 + i] >> g) & 1) << 4;
          if constexpr (kBits == 6) q |= ((w[256 + 64 * (g / 4) + i] >> (2 * (g % 4))) & 3) << 4;
        }
        dots[r].v += q * (kPlaneBase * x.Q(r, 1)[4 * g + i] + x.Q(r, 0)[4 * g + i]);
      }
    }
  }
}

template <int Bits>
PRECIS_SIMD_INLINE void UnpackGroup(const uint8_t* /*w*/, int /*g*/, uint8_t* /*out*/) {}

// clang-format off
#include "cpu/decode_blocks-inl.h"
#include "cpu/decode_gemm-inl.h"
#include "cpu/decode_gemm_f32-inl.h"
#include "cpu/decode_quantize-inl.h"
// clang-format on

}  // namespace
}  // namespace scalar

const DecodeKernels& ScalarDecodeKernels() {
  static constexpr DecodeKernels kTable = {
      scalar::QuantizeRow, scalar::Gemm,    scalar::GemmF32,    scalar::RmsNorm, scalar::SiluGate,  scalar::GeluGate,
      scalar::Attend,      scalar::SoftCap, scalar::AddWeights, scalar::ToHalf,  scalar::LogSumExp, scalar::Entropy,
  };
  return kTable;
}

}  // namespace precis::engine::cpu
