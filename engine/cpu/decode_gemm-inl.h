// Integer matrix products over packed panels. The integer dot products (Ints, BlockDots) are of the including file;
// what is here fixes the order of the float operations. For every output and row, block after block,
//
//   sum = fma(x_scale, s * dot, sum)
//   sum = fma(x_scale, fma(s1, dot1, s0 * dot0), sum)    with two scales
//   sum = fma(m, x_sum, sum)                             then, where there are minima

// t[r] = s[S] * dot[S][r] + ... of one block, from scale S on. One scale after the other: together they would want more
// registers than there are.
template <class Source, int S, int M>
PRECIS_SIMD_INLINE void AddScale(const Source& w, const TileRows& x, Floats (&t)[M]) {
  Ints dots[M];
  BlockDots<Source, S, M>(w.integers(), x, dots);
  const Floats scale = w.Scale(S);
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
    const Floats dot = ToFloats(dots[r]);
    t[r] = S == 0 ? Mul(scale, dot) : Fma(scale, dot, t[r]);
  }
  if constexpr (S + 1 < Source::kScales) AddScale<Source, S + 1, M>(w, x, t);
}

// Adds `count` blocks to the sums of M rows and C times kLanes columns.
template <class Source, int M, int C>
PRECIS_SIMD_INLINE void AddBlocks(Source (&w)[C], int64_t first, int64_t count, TileRows x, Floats (&sum)[C][M]) {
  for (int64_t b = first; b < first + count; ++b) {
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      w[c].Enter(b);
      if (c == 0) w[c].Prefetch();
      Floats t[M];
      AddScale<Source, 0, M>(w[c], x, t);
      [[maybe_unused]] Floats m;
      if constexpr (Source::kMinima) m = w[c].Minimum();
#pragma GCC unroll 8
      for (int r = 0; r < M; ++r) {
        Floats& total = sum[c][r];
        total = Fma(Set(x.Scale(r)), t[r], total);
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
#pragma GCC unroll 8
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
#pragma GCC unroll 8
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
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) sum[0][r] = first == 0 || r >= rows ? Zero() : Load(y + r * stride + column);
    using Source = UnpackedBlocks<F>;
    Source source[1] = {{data, column}};
    AddBlocks<Source, M, 1>(source, first, count, tile, sum);
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      if (r >= rows) break;
      Store(sum[0][r], y + r * stride + column);
    }
  }
}

// So much of a matrix stays in the second cache while the rows pass over it.
constexpr int64_t kPanelsBytes = 384 << 10;

// One tile of rows after the other, each over all the panels: what it needs stays in the first cache, the panels in the
// second, and where its wide blocks are repeats often enough for the CPU to foresee it.
template <QFormat F>
inline void StoredPanels(const PackedMatrix& w, const QuantizedRows& x, int64_t begin, int64_t end, float* y,
                         int64_t stride) {
  const auto tile = [&]<int M>(int64_t row, int64_t rows) {
    for (int64_t panel = begin; panel < end; ++panel) {
      StoredTile<F, M>(w, x, panel, row, rows, y + panel * kPanel, stride);
    }
  };
  for (int64_t row = 0; row < x.rows;) {
    const int64_t left = x.rows - row;
    if (kMaxRows == 1 || left == 1) {
      tile.template operator()<1>(row, 1);
      row += 1;
      continue;
    }
    if constexpr (kMaxRows >= 8) {
      if (left > 4) {
        tile.template operator()<8>(row, left);
        row += 8;
        continue;
      }
    }
    if constexpr (kMaxRows >= 4) {
      if (left == 2) {
        tile.template operator()<2>(row, 2);
      } else {
        tile.template operator()<4>(row, left);
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
  const int64_t parts = (w.blocks() + kUnpackedBlocks - 1) / kUnpackedBlocks;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t first = w.blocks() * part / parts, count = w.blocks() * (part + 1) / parts - first;
    UnpackedBlocks<F>::Unpack(w.panel(panel), first, count, data);
    // What is unpacked next lies behind this part; a piece of it is asked for with every tile.
    const uint8_t* next = w.panel(panel) + BlockOffset(ShapeOf(F), first + count);
    const int64_t piece = count * BlockBytes(ShapeOf(F)) * kMaxRows / x.rows + 64;
    for (int64_t row = 0; row < x.rows;) {
      const int64_t left = x.rows - row;
      for (int64_t i = 0; i < piece; i += 64) __builtin_prefetch(next + i, 0, 2);
      next += piece;
      if constexpr (kMaxRows >= 8) {
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
  if constexpr (kUnpacks && ShapeOf(F).bits < 8) {
    if (x.rows > kStoredRows) {
      for (; begin < end && w.outputs() - begin * kPanel >= kPanel; ++begin) {
        UnpackedPanel<F>(w, x, begin, y + begin * kPanel, stride);
      }
    }
  }
  const int64_t together = std::max<int64_t>(1, kPanelsBytes / w.panel_bytes());
  for (; begin < end; begin += together) {
    StoredPanels<F>(w, x, begin, std::min(begin + together, end), y, stride);
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
