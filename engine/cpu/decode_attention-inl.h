// Attention of consecutive query positions over the pages of their sequence: online softmax (Milakov and Gimelshein,
// 2018) whose tiles are the pages themselves. Pages begin at multiples of 64 positions, so the sums of a position are
// the same in a whole prompt, in any part of it, and in a single step. Queries that share a pass over the keys and
// values share nothing but the loads.

constexpr int kMaxHeadDim = 256;
// Queries (a position and a head) of one pass: as many as leave the sums in registers.
constexpr int kMaxQueries = kLanes == 16 ? 12 : kLanes == 8 ? 6 : 2;

// How many registers wide the sums of Q queries are.
constexpr int SumRegisters(int queries) {
  if (kLanes == 1) return 1;
  if (kLanes == 16) return queries <= 6 ? 4 : 2;
  return queries == 1 ? 8 : queries == 2 ? 4 : 2;
}

// queries: [head_dim][Q].
template <int Q, typename T>
PRECIS_SIMD_INLINE void PageScores(const float* queries, const T* keys, int head_dim, float (*scores)[kKvPage]) {
  constexpr int V = SumRegisters(Q);
  for (int s = 0; s < kKvPage; s += V * kLanes) {
    Floats sum[Q][V];
#pragma GCC unroll 12
    for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[i][v] = Zero();
    }
    for (int d = 0; d < head_dim; ++d) {
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
      for (int v = 0; v < V; ++v) Store(sum[i][v], scores[i] + s + v * kLanes);
    }
  }
}

// Adds the values of the slots [first, last) to V registers of the outputs of Q queries from dimension d on.
template <int Q, int V, typename T>
PRECIS_SIMD_INLINE void AddValuesPart(const float (*weights)[kKvPage], const T* values, int first, int last,
                                      int head_dim, int d, float (*out)[kMaxHeadDim]) {
  Floats sum[Q][V];
#pragma GCC unroll 12
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[i][v] = Load(out[i] + d + v * kLanes);
  }
  for (int p = first; p < last; ++p) {
    Floats value[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) value[v] = Load(values + p * head_dim + d + v * kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < Q; ++i) {
      const Floats weight = Set(weights[i][p]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[i][v] = Fma(weight, value[v], sum[i][v]);
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < Q; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) Store(sum[i][v], out[i] + d + v * kLanes);
  }
}

template <int Q, typename T>
PRECIS_SIMD_INLINE void AddValues(const float (*weights)[kKvPage], const T* values, int first, int last, int head_dim,
                                  float (*out)[kMaxHeadDim]) {
  if (first >= last) return;
  constexpr int V = SumRegisters(Q);
  int d = 0;
  for (; d + V * kLanes <= head_dim; d += V * kLanes) {
    AddValuesPart<Q, V>(weights, values, first, last, head_dim, d, out);
  }
  for (; d < head_dim; d += kLanes) AddValuesPart<Q, 1>(weights, values, first, last, head_dim, d, out);
}

#include "cpu/decode_attention_int8-inl.h"

// Turns the scores of the slots [first, last) into weights e^(score - peak) and the others into 0; returns their sum.
// `peak`: the largest score so far, brought up to date.
inline float PageWeights(int first, int last, float cap, float* s, float* peak) {
  if (cap > 0) SoftCap(s, kKvPage, cap);
  // Slots outside of the range may hold anything.
  for (int i = 0; i < first; ++i) s[i] = -std::numeric_limits<float>::infinity();
  for (int i = last; i < kKvPage; ++i) s[i] = -std::numeric_limits<float>::infinity();
  Floats top[kVectors];
  for (int v = 0; v < kVectors; ++v) top[v] = Load(s + v * kLanes);
  for (int i = 16; i < kKvPage; i += 16) {
    for (int v = 0; v < kVectors; ++v) top[v] = Max(top[v], Load(s + i + v * kLanes));
  }
  const float most = ReduceMax16(top);
  if (most > *peak) *peak = most;
  const Floats shift = Set(*peak);
  for (int i = 0; i < kKvPage; i += kLanes) Store(Exp(Sub(Load(s + i), shift)), s + i);
  for (int i = 0; i < first; ++i) s[i] = 0;
  for (int i = last; i < kKvPage; ++i) s[i] = 0;
  Floats sum[kVectors];
  for (int v = 0; v < kVectors; ++v) sum[v] = Load(s + v * kLanes);
  for (int i = 16; i < kKvPage; i += 16) {
    for (int v = 0; v < kVectors; ++v) sum[v] = Add(sum[v], Load(s + i + v * kLanes));
  }
  return Reduce16(sum);
}

// The queries [first_query, first_query + Q), counted row by row and in a row head by head.
template <int Q, typename T>
inline void AttendQueries(const AttentionArgs& args, int first_query) {
  const int dim = args.head_dim;
  alignas(64) float queries[kMaxHeadDim * Q];
  alignas(64) float out[Q][kMaxHeadDim];
  alignas(64) float scores[Q][kKvPage];
  alignas(64) float peak[16], decay[16];
  float total[Q];
  int64_t begin[Q], end[Q];
  for (int i = 0; i < 16; ++i) peak[i] = -std::numeric_limits<float>::infinity();
  for (int i = 0; i < Q; ++i) {
    const int row = (first_query + i) / args.group, head = (first_query + i) % args.group;
    const float* query = args.queries + row * args.query_stride + head * dim;
    for (int d = 0; d < dim; ++d) queries[d * Q + i] = query[d];
    end[i] = args.position + row + 1;
    begin[i] = args.window > 0 ? std::max<int64_t>(0, end[i] - args.window) : 0;
    total[i] = 0;
    std::fill(out[i], out[i] + dim, 0.0f);
  }
  for (int64_t page = begin[0] / kKvPage; page * kKvPage < end[Q - 1]; ++page) {
    const T* keys = static_cast<const T*>(args.pages[page]) + args.page_offset;
    const T* values = keys + static_cast<int64_t>(kKvPage) * dim;
    PageScores<Q>(queries, keys, dim, scores);
    // The slots that a query attends to, and those that all of them do.
    int first[Q], last[Q], common_first = 0, common_last = kKvPage;
    for (int i = 0; i < 16; ++i) decay[i] = peak[i];
    float sum[Q];
    for (int i = 0; i < Q; ++i) {
      first[i] = static_cast<int>(std::clamp<int64_t>(begin[i] - page * kKvPage, 0, kKvPage));
      last[i] = static_cast<int>(std::clamp<int64_t>(end[i] - page * kKvPage, 0, kKvPage));
      common_first = std::max(common_first, first[i]);
      common_last = std::min(common_last, last[i]);
      // A page before the window of a query that others still see: as if it were not there.
      sum[i] = first[i] < last[i] ? PageWeights(first[i], last[i], args.cap, scores[i], &peak[i]) : 0;
    }
    for (int i = 0; i < 16; i += kLanes) Store(Exp(Sub(Load(decay + i), Load(peak + i))), decay + i);
    for (int i = 0; i < Q; ++i) {
      if (first[i] >= last[i]) continue;
      total[i] = std::fma(total[i], decay[i], sum[i]);
      const Floats old = Set(decay[i]);
      for (int d = 0; d < dim; d += kLanes) Store(Mul(Load(out[i] + d), old), out[i] + d);
    }
    const bool some = common_first < common_last;
    for (int i = 0; i < Q; ++i) {
      AddValues<1>(scores + i, values, first[i], some ? common_first : last[i], dim, out + i);
    }
    if (!some) continue;
    AddValues<Q>(scores, values, common_first, common_last, dim, out);
    for (int i = 0; i < Q; ++i) AddValues<1>(scores + i, values, common_last, last[i], dim, out + i);
  }
  for (int i = 0; i < Q; ++i) {
    const int row = (first_query + i) / args.group, head = (first_query + i) % args.group;
    float* to = args.out + row * args.out_stride + head * dim;
    const Floats divisor = Set(total[i]);
    for (int d = 0; d < dim; d += kLanes) Store(Div(Load(out[i] + d), divisor), to + d);
  }
}

template <typename T>
inline void AttendAs(const AttentionArgs& args) {
  const int count = args.rows * args.group;
  for (int i = 0; i < count;) {
    const int left = count - i;
    if constexpr (kMaxQueries >= 12) {
      if (left >= 12) {
        AttendQueries<12, T>(args, i);
        i += 12;
        continue;
      }
      if (left >= 8) {
        AttendQueries<8, T>(args, i);
        i += 8;
        continue;
      }
      if (left == 7) return AttendQueries<7, T>(args, i);
    }
    if constexpr (kMaxQueries >= 6) {
      if (left >= 6) {
        AttendQueries<6, T>(args, i);
        i += 6;
        continue;
      }
      if (left == 5) return AttendQueries<5, T>(args, i);
      if (left == 4) return AttendQueries<4, T>(args, i);
      if (left == 3) return AttendQueries<3, T>(args, i);
    }
    if (left >= 2) {
      AttendQueries<2, T>(args, i);
      i += 2;
    } else {
      AttendQueries<1, T>(args, i);
      i += 1;
    }
  }
}

inline void Attend(const AttentionArgs& args) {
  switch (args.type) {
    case KvType::kF32:
      return AttendAs<float>(args);
    case KvType::kF16:
      return AttendAs<uint16_t>(args);
    case KvType::kInt8:
      return AttendAs<int8_t>(args);
  }
}

// Two passes over the scores of a head, since nothing needs them before the last one is known.
template <typename T>
inline void AddWeightsAs(const AttentionArgs& args, float* scratch, float* out) {
  const int dim = args.head_dim;
  const int64_t end = args.position + 1;
  const int64_t begin = args.window > 0 ? std::max<int64_t>(0, end - args.window) : 0;
  const int64_t first_page = begin / kKvPage, last_page = (end - 1) / kKvPage;
  const int64_t size = (last_page + 1) * kKvPage;
  for (int head = 0; head < args.group; ++head) {
    for (int64_t page = first_page; page <= last_page; ++page) {
      const T* keys = static_cast<const T*>(args.pages[page]) + args.page_offset;
      float* s = scratch + page * kKvPage;
      PageScores<1>(args.queries + head * dim, keys, dim, reinterpret_cast<float(*)[kKvPage]>(s));
      if (args.cap > 0) SoftCap(s, kKvPage, args.cap);
    }
    const int64_t start = first_page * kKvPage;
    for (int64_t p = start; p < begin; ++p) scratch[p] = -std::numeric_limits<float>::infinity();
    for (int64_t p = end; p < size; ++p) scratch[p] = -std::numeric_limits<float>::infinity();
    float most = scratch[begin];
    for (int64_t p = begin; p < end; ++p) most = scratch[p] > most ? scratch[p] : most;
    const Floats shift = Set(most);
    Floats sum[kVectors];
    for (Floats& s : sum) s = Zero();
    for (int64_t p = start; p < size; p += 16) {
      for (int v = 0; v < kVectors; ++v) {
        Store(Exp(Sub(Load(scratch + p + v * kLanes), shift)), scratch + p + v * kLanes);
      }
      // Exp stops at e^-87: what is not attended to must weigh nothing at all.
      for (int64_t q = p; q < std::min(p + 16, begin); ++q) scratch[q] = 0;
      for (int64_t q = std::max(p, end); q < p + 16; ++q) scratch[q] = 0;
      for (int v = 0; v < kVectors; ++v) sum[v] = Add(sum[v], Load(scratch + p + v * kLanes));
    }
    const Floats divisor = Set(Reduce16(sum));
    for (int64_t p = start; p < size; p += kLanes) {
      Store(Add(Load(out + p), Div(Load(scratch + p), divisor)), out + p);
    }
  }
}

inline void AddWeights(const AttentionArgs& args, float* scratch, float* out) {
  switch (args.type) {
    case KvType::kF32:
      return AddWeightsAs<float>(args, scratch, out);
    case KvType::kF16:
      return AddWeightsAs<uint16_t>(args, scratch, out);
    case KvType::kInt8:
      return AddWeightsAs<int8_t>(args, scratch, out);
  }
}
