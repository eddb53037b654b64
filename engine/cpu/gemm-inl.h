// The matrix product over packed panels; see GemmArgs in float_kernels.h. Included by kernel files only.
#pragma once

#include <cstdint>

#include "cpu/float_kernels.h"
#include "cpu/vec16.h"
#include "cpu/vec_math-inl.h"

namespace precis::engine::cpu {

template <typename V>
inline V Activated(ActivationKind kind, const V& x) {
  switch (kind) {
    case ActivationKind::kNone:
      break;
    case ActivationKind::kGeluErf:
      return GeluErf(x);
    case ActivationKind::kGeluTanh:
      return GeluTanh(x);
    case ActivationKind::kRelu:
      return Relu(x);
    case ActivationKind::kSilu:
      return Silu(x);
    case ActivationKind::kTanh:
      return Tanh(x);
  }
  return x;
}

// Bias, activation, scale and residual for a tile of raw sums, then the store. Not part of GemmTile: a call or a switch
// beside the sums would make the compiler keep them in memory.
template <typename V>
[[gnu::noinline]] void FinishTile(const GemmArgs& g, int64_t m, int64_t panel, int rows, int panels,
                                  const float* sums) {
  for (int i = 0; i < rows; ++i) {
    const V row_scale = V::Set(g.row_scale != nullptr ? g.row_scale[m + i] : 1.0f);
    for (int j = 0; j < panels; ++j, sums += kLanes) {
      const int64_t column = (panel + j) * kLanes;
      const int lanes = g.n - column < kLanes ? static_cast<int>(g.n - column) : kLanes;
      V y = V::Load(sums);
      if (g.bias != nullptr) y = y + V::Load(g.bias + column);
      if (g.activation != ActivationKind::kNone) y = Activated(g.activation, y);
      if (g.row_scale != nullptr) y = y * row_scale;
      if (g.residual != nullptr) {
        const float* residual = g.residual + (m + i) * g.ldr + column;
        y = y + (lanes == kLanes ? V::Load(residual) : V::LoadPartial(residual, lanes));
      }
      float* c = g.c + (m + i) * g.ldc + column;
      if (lanes == kLanes) {
        y.Store(c);
      } else {
        y.StorePartial(c, lanes);
      }
    }
  }
}

// Weights are read this far ahead: a short text streams all of them once, faster than the CPU's own prefetching keeps
// up (measured: 10 to 25 % of a query). Past the last panel it asks for memory that nobody reads, which is harmless.
inline constexpr int kPrefetchRows = 32;

// kRows x (16 kPanels) outputs, all in registers.
template <typename V, int kRows, int kPanels>
[[gnu::noinline]] void GemmTile(const GemmArgs& g, int64_t m, int64_t panel) {
  V sum[kRows][kPanels];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kPanels; ++j) sum[i][j] = V::Zero();
  }
  // Every third row has a pointer of its own; the two after it are one and two strides on, which x86 addresses without
  // further registers.
  const float* a[(kRows + 2) / 3];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; i += 3) a[i / 3] = g.a + (m + i) * g.lda;
  const float* b = g.b + panel * g.panel_stride;
  const int64_t lda = g.lda, panel_stride = g.panel_stride, depth = g.k;
  for (int64_t k = 0; k < depth; ++k) {
    V bv[kPanels];
#pragma GCC unroll 16
    for (int j = 0; j < kPanels; ++j) {
      bv[j] = V::Load(b + j * panel_stride);
      __builtin_prefetch(b + j * panel_stride + kPrefetchRows * kLanes);
    }
    b += kLanes;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const V av = V::Set(a[i / 3][(i % 3) * lda + k]);
#pragma GCC unroll 16
      for (int j = 0; j < kPanels; ++j) sum[i][j] = Fma(av, bv[j], sum[i][j]);
    }
  }
  alignas(64) float sums[kRows * kPanels * kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kPanels; ++j) sum[i][j].Store(sums + (i * kPanels + j) * kLanes);
  }
  FinishTile<V>(g, m, panel, kRows, kPanels, sums);
}

// The tile sizes that fill the registers: kMaxRows rows by kMaxPanels panels, and with few rows as many more panels.
template <typename V, int kMaxRows, int kMaxPanels>
struct Gemm {
  template <int kPanels>
  static void Rows(const GemmArgs& g, int64_t m, int64_t rows, int64_t panel) {
    RowsFrom<kPanels, kMaxRows>(g, m, rows, panel);
  }
  template <int kPanels, int kRows>
  static void RowsFrom(const GemmArgs& g, int64_t m, int64_t rows, int64_t panel) {
    if (rows == kRows) {
      GemmTile<V, kRows, kPanels>(g, m, panel);
    } else if constexpr (kRows > 1) {
      RowsFrom<kPanels, kRows - 1>(g, m, rows, panel);
    }
  }

  static void Block(const GemmArgs& g, int64_t m_begin, int64_t m_end, int64_t p_begin, int64_t p_end) {
    const int64_t rows = m_end - m_begin;
    if (rows <= 0) return;
    const int64_t tiles = (rows + kMaxRows - 1) / kMaxRows;
    int64_t panel = p_begin;
    while (panel < p_end) {
      const bool whole = panel + kMaxPanels <= p_end;
      // Tiles of nearly equal height: a last tile of one row would cost almost as much as a full one.
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t begin = m_begin + rows * t / tiles, end = m_begin + rows * (t + 1) / tiles;
        if (whole) {
          Rows<kMaxPanels>(g, begin, end - begin, panel);
        } else {
          Rows<1>(g, begin, end - begin, panel);
        }
      }
      panel += whole ? kMaxPanels : 1;
    }
  }
};

}  // namespace precis::engine::cpu
