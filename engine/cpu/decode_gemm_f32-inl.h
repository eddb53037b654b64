// Matrix products in floats, for `exact` mode: for every output and row sums of 32 products, then their sum.

template <int M>
inline void GemmF32Rows(const PackedMatrix& w, const float* x, int64_t panel, float* y, int64_t stride) {
  const int64_t outputs = std::min<int64_t>(kPanel, w.outputs() - panel * kPanel);
  const int64_t inputs = w.inputs();
  const float* weights = reinterpret_cast<const float*>(w.panel(panel));
  for (int column = 0; column < outputs; column += kLanes) {
    Floats sum[M];
#pragma GCC unroll 12
    for (int r = 0; r < M; ++r) sum[r] = Zero();
    // Sums of 32, then their sum: the rounding error grows with inputs / 32 instead of inputs.
    for (int64_t begin = 0; begin < inputs; begin += kBlock) {
      Floats part[M];
#pragma GCC unroll 12
      for (int r = 0; r < M; ++r) part[r] = Zero();
      const int64_t end = std::min<int64_t>(begin + kBlock, inputs);
      for (int64_t k = begin; k < end; ++k) {
        const Floats weight = Load(weights + k * kPanel + column);
#pragma GCC unroll 12
        for (int r = 0; r < M; ++r) part[r] = Fma(Set(x[r * inputs + k]), weight, part[r]);
      }
#pragma GCC unroll 12
      for (int r = 0; r < M; ++r) sum[r] = Add(sum[r], part[r]);
    }
#pragma GCC unroll 12
    for (int r = 0; r < M; ++r) StoreSome(sum[r], outputs - column, y + r * stride + panel * kPanel + column);
  }
}

inline void GemmF32(const PackedMatrix& w, const float* x, int64_t rows, int64_t begin, int64_t end, float* y,
                    int64_t stride) {
  for (int64_t panel = begin; panel < end; ++panel) {
    int64_t row = 0;
    if constexpr (kMaxFloatRows >= 12) {
      for (; row + 12 <= rows; row += 12) GemmF32Rows<12>(w, x + row * w.inputs(), panel, y + row * stride, stride);
    }
    if constexpr (kMaxFloatRows >= 8) {
      for (; row + 8 <= rows; row += 8) GemmF32Rows<8>(w, x + row * w.inputs(), panel, y + row * stride, stride);
    }
    for (; row + 4 <= rows; row += 4) GemmF32Rows<4>(w, x + row * w.inputs(), panel, y + row * stride, stride);
    for (; row < rows; ++row) GemmF32Rows<1>(w, x + row * w.inputs(), panel, y + row * stride, stride);
  }
}
