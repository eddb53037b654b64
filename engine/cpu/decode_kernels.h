// The decoder's kernels: one table for each instruction set, with equal results bit by bit.
//
// Why they agree: integer sums cannot saturate and are exact; every float sum runs in one order, over 16 virtual lanes
// reduced by a fixed tree or along the inputs of one output; multiply-adds are fused only where written so. Why a row
// does not depend on its batch: no kernel sums across rows, and the order along the inputs is the same for every number
// of rows.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "cpu/kv_type.h"
#include "cpu/q_matrix.h"

namespace precis::engine::cpu {

// Consecutive query positions of one sequence and KV head: their groups of query heads over the pages of the sequence.
// A page holds for one layer and KV head the keys transposed, [head_dim][64], then the values, [64][head_dim], then,
// with integers, the scales in binary16: of the keys, [blocks][64], and of the values, [blocks][64].
struct AttentionArgs {
  const float* queries;  // [rows][group][head_dim], a row query_stride after the other; already scaled
  float* out;            // [rows][group][head_dim], a row out_stride after the other
  int64_t query_stride, out_stride;
  const void* const* pages;  // of the sequence, in order
  int64_t page_offset;       // in elements: where this layer's and head's keys begin inside a page
  int64_t position;          // of the first row; a row attends to its own position and those before
  int64_t window;            // of them, to the last `window`; 0: to all
  int rows;                  // >= 1, all in the page of the first
  int group, head_dim;       // head_dim % 16 == 0, <= 256
  KvType type;
  float cap = 0;  // > 0: scores become cap * tanh(score / cap)
};

struct DecodeKernels {
  void (*quantize)(const float* x, const QuantizedRows& out, int64_t row);  // x: [inputs] becomes that row
  // y[r * stride + n] = sum_k w[n, k] x[r, k] for the outputs of the panels [begin, end).
  void (*gemm)(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y, int64_t stride);
  // The same for kF32; x: [rows][inputs].
  void (*gemm_f32)(const PackedMatrix& w, const float* x, int64_t rows, int64_t begin, int64_t end, float* y,
                   int64_t stride);
  // y[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i]. n % 16 == 0.
  void (*rms_norm)(const float* x, const float* weight, int64_t n, float eps, float* y);
  // out[i] = f(gate[i]) * up[i], f: SiLU or GELU in its tanh form. n % 16 == 0.
  void (*silu_gate)(const float* gate, const float* up, int64_t n, float* out);
  void (*gelu_gate)(const float* gate, const float* up, int64_t n, float* out);
  void (*attend)(const AttentionArgs& args);
  // x[i] = cap * tanh(x[i] / cap), cap > 0; any n >= 0.
  void (*soft_cap)(float* x, int64_t n, float cap);
  // For a single row (args.rows == 1; args.out is not used): adds, head after head, the weights of the attention to
  // out[p] for the positions p that the row attends to. `scratch` and `out` have room for whole pages up to the row's
  // position; what `out` gets behind that is 0.
  void (*add_weights)(const AttentionArgs& args, float* scratch, float* out);
  // Nearest binary16, ties to even. n % 16 == 0.
  void (*to_half)(const float* x, int64_t n, uint16_t* out);
  // log(sum(exp(x))) over n values, any n >= 1; NaN if one of them is.
  double (*log_sum_exp)(const float* x, int64_t n);
  // Of softmax(x), in nats; any n >= 1; NaN if one of x is.
  double (*entropy)(const float* x, int64_t n);
};

// Requires IsAvailable(level). On AVX-512 without VNNI they are those of AVX2.
const DecodeKernels& GetDecodeKernels(IsaLevel level);

// What each file contributes.
const DecodeKernels& ScalarDecodeKernels();
const DecodeKernels& Avx2DecodeKernels();
const DecodeKernels& Avx512DecodeKernels();

}  // namespace precis::engine::cpu
