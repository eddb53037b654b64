// Matrix products over packed panels. The integer dot products (Ints, BlockDots) are of the including file; what is
// here fixes the order of the float operations: for every output and row, block after block,
//   sum = fma(x_scale, fma(m, x_sum, s * dot), sum),
//
// where with two planes of activations dot = fma(254, dot of the first, dot of the second), and x_sum likewise.

template <int P>
PRECIS_SIMD_INLINE Floats JoinPlanes(const Ints* dots) {
  if constexpr (P == 2) return Fma(Set(static_cast<float>(kPlaneBase)), ToFloats(dots[0]), ToFloats(dots[1]));
  return ToFloats(dots[0]);
}

template <QFormat F, int P, int M>
PRECIS_SIMD_INLINE void PanelRows(const uint8_t* panel, int64_t blocks, const QuantizedRows& x, int64_t row, int column,
                                  Floats (&sum)[M]) {
  constexpr QFormatShape kShape = ShapeOf(F);
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) sum[r] = Zero();
  const int8_t* q = x.q + row * P * x.inputs;
  const int32_t* sums = x.sum16 + row * P * (x.inputs / 16);
  const float* scales = x.scale + row * blocks;
  for (int64_t b = 0; b < blocks; ++b) {
    const uint8_t* w = panel + b * BlockBytes(kShape);
    // The planes of a row are rows of their own until here.
    Ints dots[kShape.scales][P * M];
    BlockDots<kShape.bits, kShape.scales, kShape.zero, P * M>(w, column, q + b * kBlock, x.inputs, sums + 2 * b,
                                                              x.inputs / 16, dots);
    const uint8_t* tail = w + QuantBytes(kShape);
    Floats s[kShape.scales];
    for (int i = 0; i < kShape.scales; ++i) {
      if constexpr (kShape.scale_bytes == 2) {
        s[i] = Load(reinterpret_cast<const uint16_t*>(tail) + i * kPanel + column);
      } else {
        s[i] = Load(reinterpret_cast<const float*>(tail) + i * kPanel + column);
      }
    }
    [[maybe_unused]] Floats m;
    if constexpr (kShape.minima) {
      if constexpr (kShape.scale_bytes == 2) {
        m = Load(reinterpret_cast<const uint16_t*>(tail + ScaleBytes(kShape)) + column);
      } else {
        m = Load(reinterpret_cast<const float*>(tail + ScaleBytes(kShape)) + column);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      Floats t = Mul(s[0], JoinPlanes<P>(dots[0] + r * P));
      if constexpr (kShape.scales == 2) t = Fma(s[1], JoinPlanes<P>(dots[1] + r * P), t);
      if constexpr (kShape.minima) {
        const int32_t* pair = sums + r * P * (x.inputs / 16) + 2 * b;
        int32_t x_sum = pair[0] + pair[1];
        if constexpr (P == 2) x_sum = kPlaneBase * x_sum + pair[x.inputs / 16] + pair[x.inputs / 16 + 1];
        t = Fma(m, Set(static_cast<float>(x_sum)), t);
      }
      sum[r] = Fma(Set(scales[r * blocks + b]), t, sum[r]);
    }
  }
}

template <int M>
PRECIS_SIMD_INLINE void StoreColumns(const Floats (&sum)[M], float* y, int64_t stride, int64_t columns) {
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
    if (columns >= kLanes) {
      Store(sum[r], y + r * stride);
    } else {
      float tail[kLanes];
      Store(sum[r], tail);
      for (int64_t c = 0; c < columns; ++c) y[r * stride + c] = tail[c];
    }
  }
}

template <QFormat F, int P, int M>
inline void GemmRows(const PackedMatrix& w, const QuantizedRows& x, int64_t panel, int64_t row, float* y,
                     int64_t stride) {
  const int64_t outputs = std::min<int64_t>(kPanel, w.outputs() - panel * kPanel);
  for (int column = 0; column < outputs; column += kLanes) {
    Floats sum[M];
    PanelRows<F, P, M>(w.panel(panel), w.blocks(), x, row, column, sum);
    StoreColumns<M>(sum, y + row * stride + panel * kPanel + column, stride, outputs - column);
  }
}

template <QFormat F, int P>
inline void GemmPlanes(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y,
                       int64_t stride) {
  for (int64_t panel = begin; panel < end; ++panel) {
    int64_t row = 0;
    if constexpr (kMaxRows / P >= 8) {
      for (; row + 8 <= x.rows; row += 8) GemmRows<F, P, 8>(w, x, panel, row, y, stride);
    }
    if constexpr (kMaxRows / P >= 4) {
      for (; row + 4 <= x.rows; row += 4) GemmRows<F, P, 4>(w, x, panel, row, y, stride);
    }
    if constexpr (kMaxRows / P >= 2) {
      for (; row + 2 <= x.rows; row += 2) GemmRows<F, P, 2>(w, x, panel, row, y, stride);
    }
    for (; row < x.rows; ++row) GemmRows<F, P, 1>(w, x, panel, row, y, stride);
  }
}

template <QFormat F>
inline void GemmFormat(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y,
                       int64_t stride) {
  if (x.planes == 2) {
    GemmPlanes<F, 2>(w, x, begin, end, y, stride);
  } else {
    GemmPlanes<F, 1>(w, x, begin, end, y, stride);
  }
}

inline void Gemm(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y, int64_t stride) {
  switch (w.format()) {
    case QFormat::kU4:
      return GemmFormat<QFormat::kU4>(w, x, begin, end, y, stride);
    case QFormat::kU4Min:
      return GemmFormat<QFormat::kU4Min>(w, x, begin, end, y, stride);
    case QFormat::kU5:
      return GemmFormat<QFormat::kU5>(w, x, begin, end, y, stride);
    case QFormat::kU5Min:
      return GemmFormat<QFormat::kU5Min>(w, x, begin, end, y, stride);
    case QFormat::kS8:
      return GemmFormat<QFormat::kS8>(w, x, begin, end, y, stride);
    case QFormat::kS8Wide:
      return GemmFormat<QFormat::kS8Wide>(w, x, begin, end, y, stride);
    case QFormat::kU4K:
      return GemmFormat<QFormat::kU4K>(w, x, begin, end, y, stride);
    case QFormat::kU5K:
      return GemmFormat<QFormat::kU5K>(w, x, begin, end, y, stride);
    case QFormat::kS6:
      return GemmFormat<QFormat::kS6>(w, x, begin, end, y, stride);
    case QFormat::kF32:
      return;  // GemmF32
  }
}

template <int M>
inline void GemmF32Rows(const PackedMatrix& w, const float* x, int64_t panel, float* y, int64_t stride) {
  const int64_t outputs = std::min<int64_t>(kPanel, w.outputs() - panel * kPanel);
  const int64_t inputs = w.inputs();
  const float* weights = reinterpret_cast<const float*>(w.panel(panel));
  for (int column = 0; column < outputs; column += kLanes) {
    Floats sum[M];
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) sum[r] = Zero();
    // Sums of 32, then their sum: the rounding error grows with inputs / 32 instead of inputs.
    for (int64_t begin = 0; begin < inputs; begin += kBlock) {
      Floats part[M];
#pragma GCC unroll 8
      for (int r = 0; r < M; ++r) part[r] = Zero();
      const int64_t end = std::min<int64_t>(begin + kBlock, inputs);
      for (int64_t k = begin; k < end; ++k) {
        const Floats weight = Load(weights + k * kPanel + column);
#pragma GCC unroll 8
        for (int r = 0; r < M; ++r) part[r] = Fma(Set(x[r * inputs + k]), weight, part[r]);
      }
#pragma GCC unroll 8
      for (int r = 0; r < M; ++r) sum[r] = Add(sum[r], part[r]);
    }
    StoreColumns<M>(sum, y + panel * kPanel + column, stride, outputs - column);
  }
}

inline void GemmF32(const PackedMatrix& w, const float* x, int64_t rows, int64_t begin, int64_t end, float* y,
                    int64_t stride) {
  for (int64_t panel = begin; panel < end; ++panel) {
    int64_t row = 0;
    if constexpr (kMaxRows >= 8) {
      for (; row + 8 <= rows; row += 8) GemmF32Rows<8>(w, x + row * w.inputs(), panel, y + row * stride, stride);
    }
    for (; row + 4 <= rows; row += 4) GemmF32Rows<4>(w, x + row * w.inputs(), panel, y + row * stride, stride);
    for (; row < rows; ++row) GemmF32Rows<1>(w, x + row * w.inputs(), panel, y + row * stride, stride);
  }
}

// Rows of x in blocks of 32, see QuantizedRows.
inline void QuantizeRows(const float* x, const QuantizedRows& out) {
  const int64_t blocks = out.inputs / kBlock;
  const bool two = out.planes == 2;
  const float steps = two ? 127.0f * kPlaneBase : 127.0f;
  for (int64_t i = 0; i < out.rows * blocks; ++i) {
    const int64_t r = i / blocks, b = i % blocks;
    const float* values = x + i * kBlock;
    int8_t* q = out.q + r * out.planes * out.inputs + b * kBlock;
    int32_t* sum16 = out.sum16 + r * out.planes * (out.inputs / 16) + 2 * b;
    const float most = std::bit_cast<float>(MaxMagnitudeBits32(values));
    // Below 1e-30 the inverse of the scale would overflow; such a block is zero.
    const bool finite = most <= std::numeric_limits<float>::max();
    const float inverse = finite && most >= 1e-30f ? steps / most : 0.0f;
    out.scale[i] = !finite ? std::numeric_limits<float>::quiet_NaN() : most >= 1e-30f ? most / steps : 0.0f;
    if (inverse == 0.0f) {
      for (int p = 0; p < out.planes; ++p) std::fill(q + p * out.inputs, q + p * out.inputs + kBlock, int8_t{0});
    } else if (two) {
      alignas(64) float high[kBlock], low[kBlock];
      for (int k = 0; k < kBlock; k += kLanes) {
        const Floats whole = Round(Mul(Load(values + k), Set(inverse)));
        const Floats upper = Round(Mul(whole, Set(1.0f / kPlaneBase)));
        Store(upper, high + k);
        Store(Sub(whole, Mul(upper, Set(static_cast<float>(kPlaneBase)))), low + k);
      }
      QuantizeBlock32(high, 1.0f, q);
      QuantizeBlock32(low, 1.0f, q + out.inputs);
    } else {
      QuantizeBlock32(values, inverse, q);
    }
    for (int p = 0; p < out.planes; ++p) {
      for (int half = 0; half < 2; ++half) {
        int32_t sum = 0;
        for (int k = 0; k < 16; ++k) sum += q[p * out.inputs + 16 * half + k];
        sum16[p * (out.inputs / 16) + half] = sum;
      }
    }
  }
}
