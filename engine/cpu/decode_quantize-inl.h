// Activations to 8 bits, see QuantizedRows.

// What a row or block with the largest magnitude `bits` is multiplied by, and the scale that undoes it.
struct Quantum {
  float inverse, scale;
};
PRECIS_SIMD_INLINE Quantum QuantumOf(uint32_t bits, float steps) {
  const float most = std::bit_cast<float>(bits);
  if (!(most <= std::numeric_limits<float>::max())) return {0, std::numeric_limits<float>::quiet_NaN()};
  // Below 1e-30 the inverse of the scale would overflow; such values are zero.
  if (most < 1e-30f) return {0, 0};
  return {steps / most, most / steps};
}

inline void QuantizeRow(const float* x, const QuantizedRows& out, int64_t row) {
  const int64_t blocks = out.blocks(), group = row / kRowGroup, lane = row % kRowGroup;
  Floats squares[kVectors];
  for (Floats& s : squares) s = Zero();
  for (int64_t i = 0; i < out.inputs; i += 16) {
    for (int v = 0; v < kVectors; ++v) {
      const Floats a = Load(x + i + v * kLanes);
      squares[v] = Fma(a, a, squares[v]);
    }
  }
  const float wide_above = out.wide_above * std::sqrt(Reduce16(squares) / static_cast<float>(out.inputs));
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t at = (group * blocks + b) * kRowGroup;  // of the block in arrays of one number a row
    const float* values = x + b * kBlock;
    int8_t* q0 = out.q + at * 2 * kBlock + lane * kBlock;
    int8_t* q1 = q0 + kRowGroup * kBlock;
    int32_t half[2] = {0, 0};
    const uint32_t most = MaxMagnitudeBits32(values);
    const bool wide = std::bit_cast<float>(most) > wide_above;
    const Quantum quantum = QuantumOf(most, wide ? 127.0f * kPlaneBase + 127.0f : 127.0f);
    if (quantum.inverse == 0.0f) {
      std::memset(q0, 0, kBlock);
      std::memset(q1, 0, kBlock);
    } else if (wide) {
      alignas(64) float high[kBlock], low[kBlock];
      for (int k = 0; k < kBlock; k += kLanes) {
        const Floats whole = Round(Mul(Load(values + k), Set(quantum.inverse)));
        const Floats upper = Round(Mul(whole, Set(1.0f / kPlaneBase)));
        Store(upper, high + k);
        Store(Sub(whole, Mul(upper, Set(static_cast<float>(kPlaneBase)))), low + k);
      }
      int32_t upper_half[2];
      QuantizeBlock32(low, 1.0f, q0);
      QuantizeBlock32(high, 1.0f, q1);
      SumHalves(q0, half);
      SumHalves(q1, upper_half);
      for (int h = 0; h < 2; ++h) half[h] += kPlaneBase * upper_half[h];
    } else {
      QuantizeBlock32(values, quantum.inverse, q0);
      std::memset(q1, 0, kBlock);
      SumHalves(q0, half);
    }
    out.wide[at + lane] = wide ? 1 : 0;
    out.scale[at + lane] = quantum.scale;
    out.sum[at + lane] = quantum.scale * static_cast<float>(half[0] + half[1]);
    int32_t* less = out.less + 3 * at + lane;
    less[0] = -(half[0] + half[1]);
    less[kRowGroup] = -half[0];
    less[2 * kRowGroup] = -half[1];
  }
}
