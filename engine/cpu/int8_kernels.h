// Matrix products over integers of 8 or 16 bits with floats around them: the kernels of the numeric mode int8-v1.
// Equal arguments give equal bits from every table: the sums are integers that can neither saturate nor overflow, and
// the float operations before and after them are the same everywhere.
//
//   row of inputs   x[k]    = centre + scale * q[k]             centre, scale: the middle and the step of the row's
//   range weights         w[n, k] = weight_scale[n] * p[n, k] output          y[n]    = scale * weight_scale[n] * sum_k
//   p[n, k] q[k] + (centre * weight_sum[n] + bias[n])
//
// The centre halves the step where a row's range is lopsided, as behind GELU or where one channel sticks out: with it
// MiniLM is three times nearer to fp32 than without.
#pragma once

#include <cstdint>

#include "cpu/float_kernels.h"
#include "cpu/isa.h"

namespace precis::engine::cpu {

// Integers of 8 bits, or of up to 14 kept in 16. A unit is what one multiply-add takes of a row: 32 bits.
enum class IntWidth { k8, k16 };

inline constexpr int64_t UnitInputs(IntWidth width) { return width == IntWidth::k8 ? 4 : 2; }
inline constexpr int64_t UnitsFor(IntWidth width, int64_t inputs) {
  return (inputs + UnitInputs(width) - 1) / UnitInputs(width);
}

// Weights are at most this, and so are inputs of 8 bits.
inline constexpr int32_t kInt8Limit = 127;
inline constexpr int32_t kInt16WeightLimit = 2047;
// Inputs of 16 bits are at most `limit`, which the weights choose so that no sum leaves 32 bits.
inline constexpr int32_t kInt16InputLimit = 8191;
// More could overflow the sums of 8 bits.
inline constexpr int64_t kMaxIntInputs = 65536;

// Rows made integers. The bytes of a unit are the kernels' own business: only the gemm of the same table reads them.
struct QuantizedInputs {
  uint32_t* units = nullptr;  // [rows][UnitsFor(inputs)]
  float* scale = nullptr;     // [rows]; NaN when the row holds a NaN or infinity
  float* center = nullptr;    // [rows]
};

struct IntGemmArgs {
  const uint32_t* a = nullptr;  // of QuantizedInputs
  const float* a_scale = nullptr;
  const float* a_center = nullptr;
  int64_t units = 0;              // of a row
  const uint8_t* b = nullptr;     // panels of 16 outputs: [panels][units][16][UnitInputs], zero past outputs and inputs
  const int32_t* sums = nullptr;  // [panels * 16]: sum_k p[n, k]
  const int32_t* negatives = nullptr;   // [panels * 16]: the same over negative p[n, k] alone
  const float* weight_scale = nullptr;  // [panels * 16]
  const float* weight_sum = nullptr;    // [panels * 16]: weight_scale * sums
  const float* bias = nullptr;          // [panels * 16], or null
  int64_t n = 0;
  ActivationKind activation = ActivationKind::kNone;
  const float* residual = nullptr;  // null: none; may be c
  int64_t ldr = 0;
  float* c = nullptr;
  int64_t ldc = 0;
};

struct IntKernels {
  // Rows of x to integers in -limit .. limit, rounded to even; `limit` is kInt8Limit for 8 bits.
  void (*quantize)(IntWidth width, int32_t limit, const float* x, int64_t ldx, int64_t rows, int64_t inputs,
                   const QuantizedInputs& out);
  // c = activation(y) + residual for rows [m_begin, m_end) and panels [p_begin, p_end).
  void (*gemm)(IntWidth width, const IntGemmArgs& args, int64_t m_begin, int64_t m_end, int64_t p_begin, int64_t p_end);
};

// Requires that the level is available. AVX-512 without VNNI has those of AVX2.
const IntKernels& IntKernelsFor(IsaLevel level);

// In one file each, because each needs its own compiler flags.
extern const IntKernels kIntKernelsScalar;
extern const IntKernels kIntKernelsAvx2;
extern const IntKernels kIntKernelsAvx512;

}  // namespace precis::engine::cpu
