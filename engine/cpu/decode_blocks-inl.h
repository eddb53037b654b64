// What a tile of a matrix product reads of one panel of weights, block by block: as stored, or unpacked to bytes and
// floats. How integers are unpacked (UnpackGroup) is of the including file.

constexpr int kPrefetchBytes = 1024;

// The blocks of a panel as stored, for kLanes columns from `column` on.
template <QFormat F>
class StoredBlocks {
 public:
  static constexpr QFormatShape kShape = ShapeOf(F);
  static constexpr int kBits = kShape.bits, kScales = kShape.scales, kZero = kShape.zero;
  static constexpr bool kMinima = kShape.minima, kUnpacked = false;

  PRECIS_SIMD_INLINE StoredBlocks(const uint8_t* panel, int64_t first, int column) : panel_(panel), column_(column) {
    block_ = panel + BlockOffset(kShape, first);
    if (kShape.scale == QScale::kBytes && first % kSuper != 0) {
      LoadFactors(panel + BlockOffset(kShape, first / kSuper * kSuper) - SuperBytes(kShape));
    } else {
      block_ -= SuperBytes(kShape);
    }
  }
  // To be called with first, first + 1...
  PRECIS_SIMD_INLINE void Enter(int64_t b) {
    if (kShape.scale == QScale::kBytes && b % kSuper == 0) {
      LoadFactors(block_);
      block_ += SuperBytes(kShape);
    }
  }
  PRECIS_SIMD_INLINE void Leave() { block_ += BlockBytes(kShape); }
  // Asks for what will be read in some 200 nanoseconds: the hardware alone prefetches too little when there is much to
  // compute for each block. May point beyond the matrix, which does no harm.
  PRECIS_SIMD_INLINE void Prefetch() const {
    for (int i = 0; i < BlockBytes(kShape); i += 64) __builtin_prefetch(block_ + kPrefetchBytes + i);
  }

  PRECIS_SIMD_INLINE const uint8_t* integers() const { return block_ + 4 * column_; }
  PRECIS_SIMD_INLINE Floats Scale(int i) const {
    return Number(block_ + QuantBytes(kShape), i * kPanel + column_, scale_factor_);
  }
  PRECIS_SIMD_INLINE Floats Minimum() const {
    return Number(block_ + QuantBytes(kShape) + ScaleBytes(kShape), column_, min_factor_);
  }

 private:
  PRECIS_SIMD_INLINE void LoadFactors(const uint8_t* super) {
    scale_factor_ = Load(reinterpret_cast<const uint16_t*>(super) + column_);
    if (kMinima) min_factor_ = Load(reinterpret_cast<const uint16_t*>(super) + kPanel + column_);
  }
  PRECIS_SIMD_INLINE static Floats Number(const uint8_t* p, int index, Floats factor) {
    if constexpr (kShape.scale == QScale::kHalf) return Load(reinterpret_cast<const uint16_t*>(p) + index);
    if constexpr (kShape.scale == QScale::kFloat) return Load(reinterpret_cast<const float*>(p) + index);
    return Mul(factor, kMinima ? LoadUnsigned(p + index) : LoadSigned(p + index));
  }

  const uint8_t* panel_;
  const uint8_t* block_;
  int column_;
  Floats scale_factor_ = Zero(), min_factor_ = Zero();
};

// The same blocks after Unpack: every integer a byte, every scale and minimum a float.
template <QFormat F>
class UnpackedBlocks {
 public:
  static constexpr QFormatShape kShape = ShapeOf(F);
  static constexpr int kBits = kShape.bits, kScales = kShape.scales, kZero = kShape.zero;
  static constexpr bool kMinima = kShape.minima, kUnpacked = true;
  static constexpr int kIntegerBytes = kPanel * kBlock;
  static constexpr int kBytes = kIntegerBytes + kPanel * 4 * (kScales + (kMinima ? 1 : 0));

  PRECIS_SIMD_INLINE UnpackedBlocks(const uint8_t* data, int column) : block_(data), column_(column) {}
  PRECIS_SIMD_INLINE void Enter(int64_t) {}
  PRECIS_SIMD_INLINE void Leave() { block_ += kBytes; }
  PRECIS_SIMD_INLINE void Prefetch() const {}

  PRECIS_SIMD_INLINE const uint8_t* integers() const { return block_ + 4 * column_; }
  PRECIS_SIMD_INLINE Floats Scale(int i) const { return Load(Floats32(block_) + i * kPanel + column_); }
  PRECIS_SIMD_INLINE Floats Minimum() const { return Load(Floats32(block_) + kScales * kPanel + column_); }

  // Blocks [first, first + count) of a panel; `out` has count * kBytes.
  static inline void Unpack(const uint8_t* panel, int64_t first, int64_t count, uint8_t* out) {
    for (int column = 0; column < kPanel; column += kLanes) {
      StoredBlocks<F> in(panel, first, column);
      uint8_t* to = out;
      for (int64_t b = first; b < first + count; ++b) {
        in.Enter(b);
        if (column == 0) {
#pragma GCC unroll 8
          for (int g = 0; g < 8; ++g) UnpackGroup<kBits>(in.integers(), g, to);
        }
        float* floats = reinterpret_cast<float*>(to + kIntegerBytes) + column;
        for (int i = 0; i < kScales; ++i) Store(in.Scale(i), floats + i * kPanel);
        if constexpr (kMinima) Store(in.Minimum(), floats + kScales * kPanel);
        in.Leave();
        to += kBytes;
      }
    }
  }

 private:
  PRECIS_SIMD_INLINE static const float* Floats32(const uint8_t* block) {
    return reinterpret_cast<const float*>(block + kIntegerBytes);
  }
  const uint8_t* block_;
  int column_;
};
