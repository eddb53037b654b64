// The rows of activations that a tile of a matrix product reads, at one block. A tile begins at a multiple of 4 rows,
// except that a single row may be any.
class TileRows {
 public:
  TileRows(const QuantizedRows& x, int64_t row) : blocks_(x.blocks()) {
    const int64_t group = row / kRowGroup * blocks_ * kRowGroup, lane = row % kRowGroup;
    q_ = x.q + group * 2 * kBlock + lane * kBlock;
    wide_ = x.wide + group + lane;
    scale_ = x.scale + group + lane;
    sum_ = x.sum + group + lane;
    less_ = x.less + group * 3 + lane;
  }

  PRECIS_SIMD_INLINE void Skip(int64_t blocks) {
    q_ += blocks * kRowGroup * 2 * kBlock;
    wide_ += blocks * kRowGroup;
    scale_ += blocks * kRowGroup;
    sum_ += blocks * kRowGroup;
    less_ += blocks * kRowGroup * 3;
  }

  PRECIS_SIMD_INLINE const int8_t* Q(int r, int plane) const {
    return q_ + r / kRowGroup * blocks_ * (kRowGroup * 2 * kBlock) + plane * (kRowGroup * kBlock) +
           r % kRowGroup * kBlock;
  }
  PRECIS_SIMD_INLINE float Scale(int r) const { return scale_[At(r)]; }
  PRECIS_SIMD_INLINE float Sum(int r) const { return sum_[At(r)]; }
  // Minus the sum of the block (which = 0) or of one of its halves (1, 2).
  PRECIS_SIMD_INLINE int32_t Less(int r, int which) const {
    return less_[r / kRowGroup * blocks_ * (3 * kRowGroup) + which * kRowGroup + r % kRowGroup];
  }
  // Whether the block of any of `count` <= 4 rows of a group is wide.
  PRECIS_SIMD_INLINE bool Wide(int group, int count) const {
    const uint8_t* wide = wide_ + group * blocks_ * kRowGroup;
    if (count == kRowGroup) {
      uint32_t four;
      std::memcpy(&four, wide, 4);
      return four != 0;
    }
    bool any = false;
    for (int r = 0; r < count; ++r) any |= wide[r] != 0;
    return any;
  }
  // The same for the tile's first `rows`.
  PRECIS_SIMD_INLINE bool AnyWide(int rows) const {
    if (rows < kRowGroup) return Wide(0, rows);
    uint32_t any = 0;
#pragma GCC unroll 3
    for (int group = 0; group < rows / kRowGroup; ++group) {
      uint32_t four;
      std::memcpy(&four, wide_ + group * blocks_ * kRowGroup, 4);
      any |= four;
    }
    return any != 0;
  }

 private:
  PRECIS_SIMD_INLINE int64_t At(int r) const { return r / kRowGroup * blocks_ * kRowGroup + r % kRowGroup; }

  int64_t blocks_;
  const int8_t* q_;
  const uint8_t* wide_;
  const float* scale_;
  const float* sum_;
  const int32_t* less_;
};
