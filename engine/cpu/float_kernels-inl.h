// The bodies of FloatKernels, as templates over the lane type. Included by kernel files only.
#pragma once

#include <cstdint>

#include "cpu/float_kernels.h"
#include "cpu/gemm-inl.h"
#include "cpu/vec16.h"
#include "cpu/vec_math-inl.h"

namespace precis::engine::cpu {

// kMaxRows, kMaxPanels: the tile of the matrix product.
template <typename V, int kMaxRows, int kMaxPanels>
struct Kernels {
  using TheGemm = Gemm<V, kMaxRows, kMaxPanels>;

  // Calls f(offset, lanes) for each group of 16; lanes < 16 in the last only.
  template <typename F>
  static void ForEachGroup(int64_t n, const F& f) {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) f(i, kLanes);
    if (i < n) f(i, static_cast<int>(n - i));
  }
  static V LoadGroup(const float* p, int lanes) { return lanes == kLanes ? V::Load(p) : V::LoadPartial(p, lanes); }
  static void StoreGroup(const V& v, float* p, int lanes) {
    if (lanes == kLanes) {
      v.Store(p);
    } else {
      v.StorePartial(p, lanes);
    }
  }
  // x in the first `lanes` lanes, zero in the others.
  static V SetFirst(float x, int lanes) {
    static constexpr float kOnes[kLanes] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    return lanes == kLanes ? V::Set(x) : V::LoadPartial(kOnes, lanes) * V::Set(x);
  }

  static void LayerNorm(const float* x, int64_t ldx, int64_t rows, int64_t n, const float* gamma, const float* beta,
                        float eps, float* y, int64_t ldy) {
    for (int64_t row = 0; row < rows; ++row, x += ldx, y += ldy) {
      V sum = V::Zero();
      ForEachGroup(n, [&](int64_t i, int lanes) { sum = sum + LoadGroup(x + i, lanes); });
      const float mean = sum.ReduceAdd() / static_cast<float>(n);
      V squares = V::Zero();
      ForEachGroup(n, [&](int64_t i, int lanes) {
        const V d = LoadGroup(x + i, lanes) - SetFirst(mean, lanes);
        squares = Fma(d, d, squares);
      });
      const float inverse = 1.0f / __builtin_sqrtf(squares.ReduceAdd() / static_cast<float>(n) + eps);
      ForEachGroup(n, [&](int64_t i, int lanes) {
        const V d = LoadGroup(x + i, lanes) - V::Set(mean);
        StoreGroup(Fma(d * V::Set(inverse), LoadGroup(gamma + i, lanes), LoadGroup(beta + i, lanes)), y + i, lanes);
      });
    }
  }

  static float ExpRow(float* x, int64_t n, float scale) {
    float max = x[0];
    const int64_t whole = n / kLanes * kLanes;
    if (whole > 0) {
      V m = V::Load(x);
      for (int64_t i = kLanes; i < whole; i += kLanes) m = Max(m, V::Load(x + i));
      max = m.ReduceMax();
    }
    for (int64_t i = whole; i < n; ++i) max = x[i] > max ? x[i] : max;
    // scale * x - scale * max in one rounding; the greatest becomes 0 up to the rounding of scale * max.
    const V offset = V::Set(-(max * scale)), factor = V::Set(scale);
    V sum = V::Zero();
    ForEachGroup(n, [&](int64_t i, int lanes) {
      const V e = Exp(Fma(LoadGroup(x + i, lanes), factor, offset));
      StoreGroup(e, x + i, lanes);
      sum = sum + (lanes == kLanes ? e : V::LoadPartial(x + i, lanes));
    });
    return sum.ReduceAdd();
  }

  static void Attention(const AttentionHeadArgs& a, int64_t q_begin, int64_t q_end, float* scratch) {
    const int64_t rows = q_end - q_begin, padded = PadToLanes(a.length);
    float* inverse_sums = scratch + kAttentionRows * padded;
    GemmArgs scores;
    scores.a = a.q + q_begin * a.ldq;
    scores.lda = a.ldq;
    scores.b = a.keys;
    scores.panel_stride = a.head_dim * kLanes;
    scores.k = a.head_dim;
    scores.n = padded;
    scores.c = scratch;
    scores.ldc = padded;
    if (a.bias != nullptr) {
      scores.residual = a.bias - q_begin;
      scores.ldr = -1;  // one query further, one key back
    }
    TheGemm::Block(scores, 0, rows, 0, padded / kLanes);
    for (int64_t row = 0; row < rows; ++row) {
      inverse_sums[row] = 1.0f / ExpRow(scratch + row * padded, a.length, a.scale);
    }
    GemmArgs mix;
    mix.a = scratch;
    mix.lda = padded;
    mix.b = a.values;
    mix.panel_stride = a.value_rows * kLanes;
    mix.k = a.length;
    mix.n = a.head_dim;
    mix.row_scale = inverse_sums;
    mix.c = a.out + q_begin * a.ldo;
    mix.ldc = a.ldo;
    TheGemm::Block(mix, 0, rows, 0, PadToLanes(a.head_dim) / kLanes);
  }

  static void PackKeys(const float* k, int64_t ldk, int64_t rows, int64_t head_dim, float* panels) {
    for (int64_t first = 0; first < rows; first += kLanes, panels += head_dim * kLanes) {
      const int64_t count = rows - first < kLanes ? rows - first : kLanes;
      for (int64_t d = 0; d < head_dim; ++d) {
        float* out = panels + d * kLanes;
        const float* in = k + first * ldk + d;
        for (int64_t j = 0; j < count; ++j) out[j] = in[j * ldk];
        for (int64_t j = count; j < kLanes; ++j) out[j] = 0;
      }
    }
  }

  static void PackValues(const float* v, int64_t ldv, int64_t rows, int64_t head_dim, float* panels) {
    ForEachGroup(head_dim, [&](int64_t d, int lanes) {
      for (int64_t row = 0; row < rows; ++row, panels += kLanes) LoadGroup(v + row * ldv + d, lanes).Store(panels);
    });
  }

  static void Activate(ActivationKind kind, const float* x, int64_t n, float* y) {
    ForEachGroup(n, [&](int64_t i, int lanes) { StoreGroup(Activated(kind, LoadGroup(x + i, lanes)), y + i, lanes); });
  }

  static void Add(const float* x0, const float* x1, int64_t n, float* y) {
    ForEachGroup(n, [&](int64_t i, int lanes) {
      StoreGroup(LoadGroup(x0 + i, lanes) + LoadGroup(x1 + i, lanes), y + i, lanes);
    });
  }

  static void AddRows(const float* x, int64_t ldx, int64_t rows, int64_t n, float* y) {
    ForEachGroup(n, [&](int64_t i, int lanes) {
      V sum = LoadGroup(y + i, lanes);
      for (int64_t row = 0; row < rows; ++row) sum = sum + LoadGroup(x + row * ldx + i, lanes);
      StoreGroup(sum, y + i, lanes);
    });
  }

  static void MaxRows(const float* x, int64_t ldx, int64_t rows, int64_t n, float* y) {
    ForEachGroup(n, [&](int64_t i, int lanes) {
      V max = LoadGroup(y + i, lanes);
      for (int64_t row = 0; row < rows; ++row) max = Max(max, LoadGroup(x + row * ldx + i, lanes));
      StoreGroup(max, y + i, lanes);
    });
  }

  static void AddScaled(const float* x, float scale, int64_t n, float* y) {
    ForEachGroup(n, [&](int64_t i, int lanes) {
      StoreGroup(Fma(LoadGroup(x + i, lanes), V::Set(scale), LoadGroup(y + i, lanes)), y + i, lanes);
    });
  }

  static void Scale(float* x, int64_t n, float scale) {
    ForEachGroup(n, [&](int64_t i, int lanes) { StoreGroup(LoadGroup(x + i, lanes) * V::Set(scale), x + i, lanes); });
  }

  static float Dot(const float* x, const float* y, int64_t n) {
    V sum = V::Zero();
    ForEachGroup(n, [&](int64_t i, int lanes) { sum = Fma(LoadGroup(x + i, lanes), LoadGroup(y + i, lanes), sum); });
    return sum.ReduceAdd();
  }

  static constexpr FloatKernels Table() {
    return {.gemm = &TheGemm::Block,
            .layer_norm = &LayerNorm,
            .exp_row = &ExpRow,
            .attention = &Attention,
            .pack_keys = &PackKeys,
            .pack_values = &PackValues,
            .activate = &Activate,
            .add = &Add,
            .add_rows = &AddRows,
            .max_rows = &MaxRows,
            .add_scaled = &AddScaled,
            .scale = &Scale,
            .dot = &Dot};
  }
};

}  // namespace precis::engine::cpu
