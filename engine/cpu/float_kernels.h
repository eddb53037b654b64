// The float kernels of one instruction set, as a table of functions. Equal arguments give equal bits from every table.
//
// Kernels work on the calling thread and know nothing of operations: ops/ checks, allocates and splits the work.
// Rows are `ld` floats apart. No alignment is required; 64 bytes is faster.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace precis::engine::cpu {

enum class ActivationKind { kNone, kGeluErf, kGeluTanh, kRelu, kSilu, kTanh };

// c[m, n] = activation(sum_k a[m, k] * b[k, n] + bias[n]) * row_scale[m] + residual[m, n]
//
// b lies in panels of 16 columns, k innermost but for the column: panel p, row k, column 16p + j is
// b[p * panel_stride + k * 16 + j]; columns past n are zero. Every output is one lane that sums over k in increasing
// order, so neither the tile it lies in nor the number of rows changes it.
struct GemmArgs {
  const float* a = nullptr;
  int64_t lda = 0;
  const float* b = nullptr;
  int64_t panel_stride = 0;  // k * 16 when panels follow each other
  int64_t k = 0;
  int64_t n = 0;
  const float* bias = nullptr;       // null: none; else padded with zeros to whole panels
  const float* row_scale = nullptr;  // null: 1
  const float* residual = nullptr;   // null: none; may be c
  int64_t ldr = 0;
  float* c = nullptr;
  int64_t ldc = 0;
  ActivationKind activation = ActivationKind::kNone;
};

// One head of one sequence: out = softmax(scale * (q k^T + bias)) v over `length` keys (bidirectional).
struct AttentionHeadArgs {
  const float* q = nullptr;  // [queries, head_dim]
  int64_t ldq = 0;
  const float* keys = nullptr;    // panels of 16 keys: [ceil(length / 16)][head_dim][16]; any numbers past length
  const float* values = nullptr;  // panels of 16 columns: [ceil(head_dim / 16)][value_rows][16], zero past head_dim
  int64_t length = 0;             // keys, >= 1
  int64_t value_rows = 0;         // >= length
  // Null: none. bias[j - i] is for query i and key j; readable for every query and all keys of whole panels. It may be
  // minus infinity where query i does not see key j, but not for all keys.
  const float* bias = nullptr;
  int64_t head_dim = 0;
  float scale = 1;
  float* out = nullptr;  // [queries, head_dim]
  int64_t ldo = 0;
};

// Query rows that share one pass over the keys.
inline constexpr int64_t kAttentionRows = 24;
// Floats of scratch that `attention` needs for at most kAttentionRows rows.
inline int64_t AttentionHeadScratch(int64_t length) { return kAttentionRows * ((length + 15) / 16 * 16 + 1); }

struct FloatKernels {
  // Rows [m_begin, m_end) and panels [p_begin, p_end) of c.
  void (*gemm)(const GemmArgs& args, int64_t m_begin, int64_t m_end, int64_t p_begin, int64_t p_end);

  // y = (x - mean) / sqrt(variance + eps) * gamma + beta, row by row. y may be x.
  void (*layer_norm)(const float* x, int64_t ldx, int64_t rows, int64_t n, const float* gamma, const float* beta,
                     float eps, float* y, int64_t ldy);

  // x[i] = exp(scale * (x[i] - max x)); returns the sum, added up in 16 lanes. Requires n >= 1 and scale > 0.
  float (*exp_row)(float* x, int64_t n, float scale);

  // Query rows [q_begin, q_end), at most kAttentionRows of them.
  void (*attention)(const AttentionHeadArgs& args, int64_t q_begin, int64_t q_end, float* scratch);

  // [rows, head_dim] -> panels as AttentionHeadArgs::keys and ::values want them.
  void (*pack_keys)(const float* k, int64_t ldk, int64_t rows, int64_t head_dim, float* panels);
  void (*pack_values)(const float* v, int64_t ldv, int64_t rows, int64_t head_dim, float* panels);

  // y[i] = activation(x[i]). y may be x.
  void (*activate)(ActivationKind kind, const float* x, int64_t n, float* y);

  // y = x0 + x1, element by element. y may be either.
  void (*add)(const float* x0, const float* x1, int64_t n, float* y);

  // y[j] += sum over rows of x[row, j], rows in increasing order.
  void (*add_rows)(const float* x, int64_t ldx, int64_t rows, int64_t n, float* y);

  // y[j] = max(y[j], x[row, j]) over the rows.
  void (*max_rows)(const float* x, int64_t ldx, int64_t rows, int64_t n, float* y);

  // y[i] += x[i] * scale, fused.
  void (*add_scaled)(const float* x, float scale, int64_t n, float* y);

  // x[i] *= scale.
  void (*scale)(float* x, int64_t n, float scale);

  // sum of x[i] * y[i] in 16 lanes.
  float (*dot)(const float* x, const float* y, int64_t n);
};

// Requires that the level is available.
const FloatKernels& FloatKernelsFor(IsaLevel level);

// In one file each, because each needs its own compiler flags.
extern const FloatKernels kFloatKernelsScalar;
extern const FloatKernels kFloatKernelsAvx2;
extern const FloatKernels kFloatKernelsAvx512;

}  // namespace precis::engine::cpu
