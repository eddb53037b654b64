// What decode_attention-inl.h does with a page of floats, for a page of integers and their scales (kv_type.h). A scale
// is applied to a whole block's sum for the keys, and goes into the weights for the values: one multiplication for 32.

// queries: [head_dim][Q]; the keys' scales stand behind keys and values.
template <int Q>
PRECIS_SIMD_INLINE void PageScores(const float* queries, const int8_t* keys, int head_dim, float (*scores)[kKvPage]) {
  constexpr int V = SumRegisters(Q);
  const auto* scales = reinterpret_cast<const uint16_t*>(keys + 2 * kKvPage * head_dim);
  for (int begin = 0; begin < head_dim; begin += kKvScaleBlock, scales += kKvPage) {
    const int end = begin + kKvScaleBlock < head_dim ? begin + kKvScaleBlock : head_dim;
    for (int s = 0; s < kKvPage; s += V * kLanes) {
      Floats sum[Q][V];
#pragma GCC unroll 12
      for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[i][v] = Zero();
      }
      for (int d = begin; d < end; ++d) {
        Floats key[V];
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) key[v] = Load(keys + d * kKvPage + s + v * kLanes);
#pragma GCC unroll 12
        for (int i = 0; i < Q; ++i) {
          const Floats q = Set(queries[d * Q + i]);
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) sum[i][v] = Fma(q, key[v], sum[i][v]);
        }
      }
#pragma GCC unroll 12
      for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          float* to = scores[i] + s + v * kLanes;
          Store(Fma(Load(scales + s + v * kLanes), sum[i][v], begin == 0 ? Zero() : Load(to)), to);
        }
      }
    }
  }
}

template <int Q>
PRECIS_SIMD_INLINE void AddValues(const float (*weights)[kKvPage], const int8_t* values, int first, int last,
                                  int head_dim, float (*out)[kMaxHeadDim]) {
  if (first >= last) return;
  constexpr int V = SumRegisters(Q) * kLanes < kKvScaleBlock ? SumRegisters(Q) : kKvScaleBlock / kLanes;
  const int blocks = KvScaleBlocks(head_dim);
  // Behind the values and the scales of the keys.
  const auto* scales = reinterpret_cast<const uint16_t*>(values + kKvPage * head_dim) + blocks * kKvPage;
  for (int begin = 0; begin < head_dim; begin += kKvScaleBlock, scales += kKvPage) {
    alignas(64) float scaled[Q][kKvPage];  // the slots outside of [first, last) hold anything
    for (int s = 0; s < kKvPage; s += kLanes) {
      const Floats scale = Load(scales + s);
#pragma GCC unroll 12
      for (int i = 0; i < Q; ++i) Store(Mul(Load(weights[i] + s), scale), scaled[i] + s);
    }
    const int end = begin + kKvScaleBlock < head_dim ? begin + kKvScaleBlock : head_dim;
    int d = begin;
    for (; d + V * kLanes <= end; d += V * kLanes) {
      AddValuesPart<Q, V>(scaled, values, first, last, head_dim, d, out);
    }
    for (; d < end; d += kLanes) AddValuesPart<Q, 1>(scaled, values, first, last, head_dim, d, out);
  }
}
