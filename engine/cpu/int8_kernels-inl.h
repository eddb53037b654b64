// The bodies of IntKernels, as templates over the integer lanes of an instruction set. Included by kernel files only.
//
// An integer lane type I offers:
//   V                   its float lanes (vec16.h)
//   kRows8, kRows16, kPanels   the tiles that fill its registers
//   Zero(), Load<width>(unit of a panel), Broadcast(unit of a row)
//   Dot<width>(acc, weights, input): its 16 sums, each plus the products of one unit
//   Store<width>(acc, sums, negatives, out): the 16 sums, freed of what its way to multiply put into them
//   ToFloat(ints), Round8(v, lanes, out), Round16(v, lanes, out): to even
#pragma once

#include <cstdint>

#include "cpu/gemm-inl.h"
#include "cpu/int8_kernels.h"
#include "cpu/vec16.h"

namespace precis::engine::cpu {

template <typename I>
struct IntKernelBodies {
  using V = typename I::V;

  // Sixteen values from offset i, the last of them again where there are fewer: minima and maxima do not mind.
  static V LoadClamped(const float* x, int64_t i, int64_t n, float* tail) {
    if (i + kLanes <= n) return V::Load(x + i);
    for (int64_t j = 0; j < kLanes; ++j) tail[j] = x[i + j < n ? i + j : n - 1];
    return V::Load(tail);
  }

  template <IntWidth kWidth>
  static void QuantizeRow(int32_t limit, const float* x, int64_t n, uint32_t* units, float* scale, float* center) {
    alignas(64) float tail[kLanes];
    V low = V::Set(x[0]), high = low, poison = V::Zero();
    for (int64_t i = 0; i < n; i += kLanes) {
      const V v = LoadClamped(x, i, n, tail);
      low = Min(low, v);
      high = Max(high, v);
      poison = Fma(v, V::Zero(), poison);  // NaN for what is not finite; minima and maxima may lose it
    }
    const float least = 0.0f - (V::Zero() - low).ReduceMax(), most = high.ReduceMax();
    const float middle = 0.5f * least + 0.5f * most, half = 0.5f * most - 0.5f * least;
    const float steps = static_cast<float>(limit), none = poison.ReduceAdd();
    // A range this small, or none: the middle alone says it. Its inverse would overflow.
    const bool flat = !(half > 1e-30f);
    const float inverse = flat ? 0.0f : steps / half;
    *scale = (flat ? 0.0f : half / steps) + none;
    *center = middle;
    const V offset = V::Set(middle), factor = V::Set(inverse), upper = V::Set(steps), lower = V::Set(-steps);
    constexpr int64_t kPerUnit = UnitInputs(kWidth);
    const int64_t padded = (n + kPerUnit - 1) / kPerUnit * kPerUnit;
    for (int64_t i = 0; i < padded; i += kLanes) {
      // Past the end anything will do: its weights are zero.
      // In this order, so that NaN becomes a number here: the scale says it.
      const V v = Min(Max((LoadClamped(x, i, n, tail) - offset) * factor, lower), upper);
      const int count = padded - i < kLanes ? static_cast<int>(padded - i) : kLanes;
      if constexpr (kWidth == IntWidth::k8) {
        I::Round8(v, count, reinterpret_cast<uint8_t*>(units) + i);
      } else {
        I::Round16(v, count, reinterpret_cast<int16_t*>(units) + i);
      }
    }
  }

  static void Quantize(IntWidth width, int32_t limit, const float* x, int64_t ldx, int64_t rows, int64_t inputs,
                       const QuantizedInputs& out) {
    const int64_t units = UnitsFor(width, inputs);
    for (int64_t r = 0; r < rows; ++r) {
      if (inputs == 0) {
        out.scale[r] = out.center[r] = 0;
      } else if (width == IntWidth::k8) {
        QuantizeRow<IntWidth::k8>(limit, x + r * ldx, inputs, out.units + r * units, out.scale + r, out.center + r);
      } else {
        QuantizeRow<IntWidth::k16>(limit, x + r * ldx, inputs, out.units + r * units, out.scale + r, out.center + r);
      }
    }
  }

  // Scales, bias, activation and residual for a tile of sums, then the store. Apart from the sums, so that the compiler
  // keeps those in registers.
  [[gnu::noinline]] static void Finish(const IntGemmArgs& g, int64_t m, int64_t panel, int rows, int panels,
                                       const int32_t* sums) {
    for (int i = 0; i < rows; ++i) {
      const V scale = V::Set(g.a_scale[m + i]), center = V::Set(g.a_center[m + i]);
      for (int j = 0; j < panels; ++j, sums += kLanes) {
        const int64_t column = (panel + j) * kLanes;
        const int lanes = g.n - column < kLanes ? static_cast<int>(g.n - column) : kLanes;
        const V bias = g.bias != nullptr ? V::Load(g.bias + column) : V::Zero();
        V y = Fma(I::ToFloat(sums), scale * V::Load(g.weight_scale + column),
                  Fma(center, V::Load(g.weight_sum + column), bias));
        if (g.activation != ActivationKind::kNone) y = Activated(g.activation, y);
        float* c = g.c + (m + i) * g.ldc + column;
        if (g.residual != nullptr) {
          const float* residual = g.residual + (m + i) * g.ldr + column;
          y = y + (lanes == kLanes ? V::Load(residual) : V::LoadPartial(residual, lanes));
        }
        if (lanes == kLanes) {
          y.Store(c);
        } else {
          y.StorePartial(c, lanes);
        }
      }
    }
  }

  template <IntWidth kWidth, int kRows, int kPanels>
  [[gnu::noinline]] static void Tile(const IntGemmArgs& g, int64_t m, int64_t panel) {
    using Acc = typename I::Acc;
    Acc sum[kRows][kPanels];
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < kPanels; ++j) sum[i][j] = I::Zero();
    }
    // See GemmTile: three rows to a pointer, and weights asked for ahead.
    const int64_t units = g.units, panel_bytes = units * 64;
    const uint32_t* a[(kRows + 2) / 3];
#pragma GCC unroll 16
    for (int i = 0; i < kRows; i += 3) a[i / 3] = g.a + (m + i) * units;
    const uint8_t* b = g.b + panel * panel_bytes;
    for (int64_t u = 0; u < units; ++u) {
      typename I::Weights w[kPanels];
#pragma GCC unroll 16
      for (int j = 0; j < kPanels; ++j) {
        w[j] = I::template Load<kWidth>(b + j * panel_bytes);
        __builtin_prefetch(b + j * panel_bytes + kPrefetchRows * 64);
      }
      b += 64;
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        const auto x = I::Broadcast(a[i / 3][(i % 3) * units + u]);
#pragma GCC unroll 16
        for (int j = 0; j < kPanels; ++j) sum[i][j] = I::template Dot<kWidth>(sum[i][j], w[j], x);
      }
    }
    alignas(64) int32_t sums[kRows * kPanels * kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < kPanels; ++j) {
        I::template Store<kWidth>(sum[i][j], g.sums + (panel + j) * kLanes, g.negatives + (panel + j) * kLanes,
                                  sums + (i * kPanels + j) * kLanes);
      }
    }
    Finish(g, m, panel, kRows, kPanels, sums);
  }

  template <IntWidth kWidth, int kPanels, int kRows>
  static void RowsFrom(const IntGemmArgs& g, int64_t m, int64_t rows, int64_t panel) {
    if (rows == kRows) {
      Tile<kWidth, kRows, kPanels>(g, m, panel);
    } else if constexpr (kRows > 1) {
      RowsFrom<kWidth, kPanels, kRows - 1>(g, m, rows, panel);
    }
  }

  template <IntWidth kWidth, int kMaxRows, int kMaxPanels>
  static void Block(const IntGemmArgs& g, int64_t m_begin, int64_t m_end, int64_t p_begin, int64_t p_end) {
    const int64_t rows = m_end - m_begin;
    if (rows <= 0) return;
    const int64_t tiles = (rows + kMaxRows - 1) / kMaxRows;
    int64_t panel = p_begin;
    while (panel < p_end) {
      const bool whole = panel + kMaxPanels <= p_end;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t begin = m_begin + rows * t / tiles, end = m_begin + rows * (t + 1) / tiles;
        if (whole) {
          RowsFrom<kWidth, kMaxPanels, kMaxRows>(g, begin, end - begin, panel);
        } else {
          RowsFrom<kWidth, 1, kMaxRows>(g, begin, end - begin, panel);
        }
      }
      panel += whole ? kMaxPanels : 1;
    }
  }

  static void Gemm(IntWidth width, const IntGemmArgs& g, int64_t m_begin, int64_t m_end, int64_t p_begin,
                   int64_t p_end) {
    if (width == IntWidth::k8) {
      Block<IntWidth::k8, I::kRows8, I::kPanels>(g, m_begin, m_end, p_begin, p_end);
    } else {
      Block<IntWidth::k16, I::kRows16, I::kPanels>(g, m_begin, m_end, p_begin, p_end);
    }
  }

  static constexpr IntKernels Table() { return {.quantize = &Quantize, .gemm = &Gemm}; }
};

}  // namespace precis::engine::cpu
