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

#include "cpu/decode_vec_scalar-inl.h"

constexpr int kMaxRows = 1;

struct Ints {
  int32_t v;
};
PRECIS_SIMD_INLINE Floats ToFloats(Ints a) { return {static_cast<float>(a.v)}; }

// dots[s][r] = sum over the inputs of scale s of (q[column][i] - zero) * x[r][i].
template <int Bits, int Scales, int Zero, int M>
PRECIS_SIMD_INLINE void BlockDots(const uint8_t* w, int column, const int8_t* x, int64_t x_stride, const int32_t* sums,
                                  int64_t sums_stride, Ints (&dots)[Scales][M]) {
  for (int r = 0; r < M; ++r) {
    int32_t dot[2] = {0, 0};
    for (int g = 0; g < 8; ++g) {
      for (int i = 0; i < 4; ++i) {
        const int byte = 4 * column + i;
        int q;
        if constexpr (Bits == 8) {
          q = static_cast<int8_t>(w[64 * g + byte]);
        } else {
          q = g < 4 ? w[64 * g + byte] & 15 : w[64 * (g - 4) + byte] >> 4;
          if constexpr (Bits == 5) q |= ((w[256 + byte] >> g) & 1) << 4;
          if constexpr (Bits == 6) q |= ((w[256 + 64 * (g / 4) + byte] >> (2 * (g % 4))) & 3) << 4;
        }
        dot[g / 4] += q * x[r * x_stride + 4 * g + i];
      }
    }
    const int32_t* sum = sums + r * sums_stride;
    if constexpr (Scales == 2) {
      dots[0][r].v = dot[0] - Zero * sum[0];
      dots[1][r].v = dot[1] - Zero * sum[1];
    } else {
      dots[0][r].v = dot[0] + dot[1] - Zero * (sum[0] + sum[1]);
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
}  // namespace scalar

const DecodeKernels& ScalarDecodeKernels() {
  static constexpr DecodeKernels kTable = {
      scalar::QuantizeRows, scalar::Gemm,   scalar::GemmF32, scalar::RmsNorm,   scalar::SiluGate,
      scalar::GeluGate,     scalar::Attend, scalar::SoftCap, scalar::LogSumExp,
  };
  return kTable;
}

}  // namespace precis::engine::cpu
