// Matrix products over packed panels. The integer dot products (Ints, BlockDots) are of the including file; what is
// here fixes the order of the float operations: for every output and row, block after block,
//   sum = fma(x_scale, fma(m, x_sum, s * dot), sum).

template <QFormat F, int M>
PRECIS_SIMD_INLINE void PanelRows(const uint8_t* panel, int64_t blocks, const QuantizedRows& x, int64_t row, int column,
                                  Floats (&sum)[M]) {
  constexpr QFormatShape kShape = ShapeOf(F);
  for (int r = 0; r < M; ++r) sum[r] = Zero();
  const int8_t* q = x.q + row * x.inputs;
  const int32_t* sums = x.sum16 + row * (x.inputs / 16);
  const float* scales = x.scale + row * blocks;
  for (int64_t b = 0; b < blocks; ++b) {
    const uint8_t* w = panel + b * BlockBytes(kShape);
    Ints dots[kShape.scales][M];
    BlockDots<kShape.bits, kShape.scales, kShape.zero, M>(w, column, q + b * kBlock, x.inputs, sums + 2 * b,
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
    for (int r = 0; r < M; ++r) {
      Floats t = Mul(s[0], ToFloats(dots[0][r]));
      if constexpr (kShape.scales == 2) t = Fma(s[1], ToFloats(dots[1][r]), t);
      if constexpr (kShape.minima) {
        const int32_t* pair = sums + r * (x.inputs / 16) + 2 * b;
        t = Fma(m, Set(static_cast<float>(pair[0] + pair[1])), t);
      }
      sum[r] = Fma(Set(scales[r * blocks + b]), t, sum[r]);
    }
  }
}

template <int M>
PRECIS_SIMD_INLINE void StoreColumns(const Floats (&sum)[M], float* y, int64_t stride, int64_t columns) {
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

template <QFormat F, int M>
inline void GemmRows(const PackedMatrix& w, const QuantizedRows& x, int64_t panel, int64_t row, float* y,
                     int64_t stride) {
  const int64_t outputs = std::min<int64_t>(kPanel, w.outputs() - panel * kPanel);
  for (int column = 0; column < outputs; column += kLanes) {
    Floats sum[M];
    PanelRows<F, M>(w.panel(panel), w.blocks(), x, row, column, sum);
    StoreColumns<M>(sum, y + row * stride + panel * kPanel + column, stride, outputs - column);
  }
}

template <QFormat F>
inline void GemmFormat(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y,
                       int64_t stride) {
  for (int64_t panel = begin; panel < end; ++panel) {
    int64_t row = 0;
    if constexpr (kMaxRows >= 8) {
      for (; row + 8 <= x.rows; row += 8) GemmRows<F, 8>(w, x, panel, row, y, stride);
    }
    if constexpr (kMaxRows >= 4) {
      for (; row + 4 <= x.rows; row += 4) GemmRows<F, 4>(w, x, panel, row, y, stride);
      for (; row + 2 <= x.rows; row += 2) GemmRows<F, 2>(w, x, panel, row, y, stride);
    }
    for (; row < x.rows; ++row) GemmRows<F, 1>(w, x, panel, row, y, stride);
  }
}

inline void Gemm(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y, int64_t stride) {
  switch (w.format()) {
    case QFormat::kU4: return GemmFormat<QFormat::kU4>(w, x, begin, end, y, stride);
    case QFormat::kU4Min: return GemmFormat<QFormat::kU4Min>(w, x, begin, end, y, stride);
    case QFormat::kU5: return GemmFormat<QFormat::kU5>(w, x, begin, end, y, stride);
    case QFormat::kU5Min: return GemmFormat<QFormat::kU5Min>(w, x, begin, end, y, stride);
    case QFormat::kS8: return GemmFormat<QFormat::kS8>(w, x, begin, end, y, stride);
    case QFormat::kS8Wide: return GemmFormat<QFormat::kS8Wide>(w, x, begin, end, y, stride);
    case QFormat::kU4K: return GemmFormat<QFormat::kU4K>(w, x, begin, end, y, stride);
    case QFormat::kU5K: return GemmFormat<QFormat::kU5K>(w, x, begin, end, y, stride);
    case QFormat::kS6: return GemmFormat<QFormat::kS6>(w, x, begin, end, y, stride);
    case QFormat::kF32: return;  // GemmF32
  }
}

template <int M>
inline void GemmF32Rows(const PackedMatrix& w, const float* x, int64_t panel, float* y, int64_t stride) {
  const int64_t outputs = std::min<int64_t>(kPanel, w.outputs() - panel * kPanel);
  const int64_t inputs = w.inputs();
  const float* weights = reinterpret_cast<const float*>(w.panel(panel));
  for (int column = 0; column < outputs; column += kLanes) {
    Floats sum[M];
    for (int r = 0; r < M; ++r) sum[r] = Zero();
    // Sums of 32, then their sum: the rounding error grows with inputs / 32 instead of inputs.
    for (int64_t begin = 0; begin < inputs; begin += kBlock) {
      Floats part[M];
      for (int r = 0; r < M; ++r) part[r] = Zero();
      const int64_t end = std::min<int64_t>(begin + kBlock, inputs);
      for (int64_t k = begin; k < end; ++k) {
        const Floats weight = Load(weights + k * kPanel + column);
        for (int r = 0; r < M; ++r) part[r] = Fma(Set(x[r * inputs + k]), weight, part[r]);
      }
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
  const int64_t blocks = out.rows * (out.inputs / kBlock);
  for (int64_t b = 0; b < blocks; ++b) {
    const float* values = x + b * kBlock;
    int8_t* q = out.q + b * kBlock;
    const float most = std::bit_cast<float>(MaxMagnitudeBits32(values));
    // Below 1e-30 the inverse of the scale would overflow; such a block is zero. `!(a < b)` would let NaN through.
    if (!(most >= 1e-30f) || std::isinf(most)) {
      out.scale[b] = most < 1e-30f ? 0.0f : std::numeric_limits<float>::quiet_NaN();
      std::fill(q, q + kBlock, int8_t{0});
      out.sum16[2 * b] = out.sum16[2 * b + 1] = 0;
      continue;
    }
    out.scale[b] = most / 127.0f;
    QuantizeBlock32(values, 127.0f / most, q);
    for (int half = 0; half < 2; ++half) {
      int32_t sum = 0;
      for (int i = 0; i < 16; ++i) sum += q[16 * half + i];
      out.sum16[2 * b + half] = sum;
    }
  }
}
