// Integer matrix products over packed panels. The integer dot products (Ints, BlockDots) are of the including file;
// what is here fixes the order of the float operations. For every output and row, block after block,
//
//   sum = fma(x_scale, s * dot, sum)                          with two scales fma(x_scale, fma(s1, dot1, s0 * dot0),
//   sum) sum = fma(m, x_sum, sum)                                  where there are minima

// Adds `count` blocks to the sums of M rows and C times kLanes columns.
template <class Source, int M, int C>
PRECIS_SIMD_INLINE void AddBlocks(Source (&w)[C], int64_t first, int64_t count, TileRows x, Floats (&sum)[C][M]) {
  for (int64_t b = first; b < first + count; ++b) {
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      w[c].Enter(b);
      if (c == 0) w[c].Prefetch();
      Ints dots[Source::kScales][M];
      BlockDots<Source, M>(w[c].integers(), x, dots);
      Floats s[Source::kScales];
      for (int i = 0; i < Source::kScales; ++i) s[i] = w[c].Scale(i);
      [[maybe_unused]] Floats m;
      if constexpr (Source::kMinima) m = w[c].Minimum();
#pragma GCC unroll 12
      for (int r = 0; r < M; ++r) {
        Floats& total = sum[c][r];
        Floats t = Mul(s[0], ToFloats(dots[0][r]));
        if constexpr (Source::kScales == 2) t = Fma(s[1], ToFloats(dots[1][r]), t);
        total = Fma(Set(x.Scale(r)), t, total);
        if constexpr (Source::kMinima) total = Fma(m, Set(x.Sum(r)), total);
      }
      w[c].Leave();
    }
    x.Skip(1);
  }
}

// The first `columns` of a register to memory.
PRECIS_SIMD_INLINE void StoreSome(Floats a, int64_t columns, float* y) {
  if (columns >= kLanes) return Store(a, y);
  float tail[kLanes];
  Store(a, tail);
  for (int64_t c = 0; c < columns; ++c) y[c] = tail[c];
}

// `rows` <= M of a tile; y: row 0 of the matrix, at the panel's first output.
template <QFormat F, int M>
inline void StoredTile(const PackedMatrix& w, const QuantizedRows& x, int64_t panel, int64_t row, int64_t rows,
                       float* y, int64_t stride) {
  // Few rows leave registers for the whole width of a panel, which is then read front to back in one go.
  constexpr int C = kLanes == 8 && M <= 2 ? 2 : 1;
  const int64_t outputs = std::min<int64_t>(kPanel, w.outputs() - panel * kPanel);
  const TileRows tile(x, row);
  for (int column = 0; column < outputs; column += kLanes * C) {
    Floats sum[C][M];
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
#pragma GCC unroll 12
      for (int r = 0; r < M; ++r) sum[c][r] = Zero();
    }
    using Source = StoredBlocks<F>;
    if constexpr (C == 2) {
      Source source[2] = {{w.panel(panel), 0, column}, {w.panel(panel), 0, column + kLanes}};
      AddBlocks<Source, M, C>(source, 0, w.blocks(), tile, sum);
    } else {
      Source source[1] = {{w.panel(panel), 0, column}};
      AddBlocks<Source, M, C>(source, 0, w.blocks(), tile, sum);
    }
#pragma GCC unroll 12
    for (int r = 0; r < M; ++r) {
      if (r >= rows) break;
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) {
        const int from = column + c * kLanes;
        if (from < outputs) StoreSome(sum[c][r], outputs - from, y + (row + r) * stride + from);
      }
    }
  }
}

// The same for a part of the inputs and a whole panel; the sums wait in y.
template <QFormat F, int M>
inline void UnpackedTile(const uint8_t* data, int64_t first, int64_t count, const QuantizedRows& x, int64_t row,
                         int64_t rows, float* y, int64_t stride) {
  TileRows tile(x, row);
  tile.Skip(first);
  y += row * stride;
  for (int column = 0; column < kPanel; column += kLanes) {
    Floats sum[1][M];
#pragma GCC unroll 12
    for (int r = 0; r < M; ++r) sum[0][r] = first == 0 || r >= rows ? Zero() : Load(y + r * stride + column);
    using Source = UnpackedBlocks<F>;
    Source source[1] = {{data, column}};
    AddBlocks<Source, M, 1>(source, first, count, tile, sum);
#pragma GCC unroll 12
    for (int r = 0; r < M; ++r) {
      if (r >= rows) break;
      Store(sum[0][r], y + r * stride + column);
    }
  }
}

// Two sums of integers a row leave registers for 8 rows only.
constexpr int TileHeight(QFormatShape shape) { return shape.scales == 2 ? std::min(kMaxRows, 8) : kMaxRows; }

template <QFormat F>
inline void StoredPanel(const PackedMatrix& w, const QuantizedRows& x, int64_t panel, float* y, int64_t stride) {
  constexpr int kTile = TileHeight(ShapeOf(F));
  for (int64_t row = 0; row < x.rows;) {
    const int64_t left = x.rows - row;
    if (kTile == 1 || left == 1) {
      StoredTile<F, 1>(w, x, panel, row, 1, y, stride);
      row += 1;
      continue;
    }
    if constexpr (kTile >= 12) {
      if (left > 8) {
        StoredTile<F, 12>(w, x, panel, row, left, y, stride);
        row += 12;
        continue;
      }
    }
    if constexpr (kTile >= 8) {
      if (left > 4) {
        StoredTile<F, 8>(w, x, panel, row, left, y, stride);
        row += 8;
        continue;
      }
    }
    if constexpr (kTile >= 4) {
      if (left == 2) {
        StoredTile<F, 2>(w, x, panel, row, 2, y, stride);
      } else {
        StoredTile<F, 4>(w, x, panel, row, left, y, stride);
      }
      row += 4;
    }
  }
}

// With many rows a panel is unpacked in parts of at most so many blocks, which stay in the first cache with the rows.
constexpr int64_t kUnpackedBlocks = 20;

template <QFormat F>
inline void UnpackedPanel(const PackedMatrix& w, const QuantizedRows& x, int64_t panel, float* y, int64_t stride) {
  alignas(64) uint8_t data[kUnpackedBlocks * UnpackedBlocks<F>::kBytes];
  constexpr int kTile = TileHeight(ShapeOf(F));
  const int64_t parts = (w.blocks() + kUnpackedBlocks - 1) / kUnpackedBlocks;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t first = w.blocks() * part / parts, count = w.blocks() * (part + 1) / parts - first;
    UnpackedBlocks<F>::Unpack(w.panel(panel), first, count, data);
    // What is unpacked next lies behind this part; a piece of it is asked for with every tile.
    const uint8_t* next = w.panel(panel) + BlockOffset(ShapeOf(F), first + count);
    const int64_t piece = count * BlockBytes(ShapeOf(F)) * kTile / x.rows + 64;
    for (int64_t row = 0; row < x.rows;) {
      const int64_t left = x.rows - row;
      for (int64_t i = 0; i < piece; i += 64) __builtin_prefetch(next + i, 0, 2);
      next += piece;
      if constexpr (kTile >= 12) {
        if (left > 8) {
          UnpackedTile<F, 12>(data, first, count, x, row, left, y, stride);
          row += 12;
          continue;
        }
      }
      if constexpr (kTile >= 8) {
        if (left > 4) {
          UnpackedTile<F, 8>(data, first, count, x, row, left, y, stride);
          row += 8;
          continue;
        }
      }
      UnpackedTile<F, 4>(data, first, count, x, row, left, y, stride);
      row += 4;
    }
  }
}

template <QFormat F>
inline void GemmFormat(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y,
                       int64_t stride) {
  for (int64_t panel = begin; panel < end; ++panel) {
    if constexpr (kMaxRows > 1 && ShapeOf(F).bits < 8) {
      if (x.rows > kStoredRows && w.outputs() - panel * kPanel >= kPanel) {
        UnpackedPanel<F>(w, x, panel, y + panel * kPanel, stride);
        continue;
      }
    }
    StoredPanel<F>(w, x, panel, y + panel * kPanel, stride);
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
