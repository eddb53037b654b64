// Attention of one query position over the pages of its sequence: online softmax (Milakov and Gimelshein, 2018) whose
// tiles are the pages themselves. Pages begin at multiples of 64 positions, so the sums of a position are the same in
// a whole prompt, in any part of it, and in a single step.

// Query heads that share one pass over keys and values, so that each is loaded once for all of them.
constexpr int kHeadsTogether = 4;
constexpr int kMaxHeadDim = 256;

template <int H, typename T>
PRECIS_SIMD_INLINE void TileScores(const float* queries, const T* keys, int head_dim, float (*scores)[kKvPage]) {
  constexpr int kVec = kLanes == 16 ? 4 : kLanes == 8 ? 2 : 1;  // as many as the registers take
  for (int s = 0; s < kKvPage; s += kVec * kLanes) {
    Floats sum[H][kVec];
#pragma GCC unroll 4
    for (int h = 0; h < H; ++h) {
#pragma GCC unroll 4
      for (int v = 0; v < kVec; ++v) sum[h][v] = Zero();
    }
    for (int d = 0; d < head_dim; ++d) {
      Floats key[kVec];
#pragma GCC unroll 4
      for (int v = 0; v < kVec; ++v) key[v] = Load(keys + d * kKvPage + s + v * kLanes);
#pragma GCC unroll 4
      for (int h = 0; h < H; ++h) {
        const Floats q = Set(queries[h * head_dim + d]);
#pragma GCC unroll 4
        for (int v = 0; v < kVec; ++v) sum[h][v] = Fma(q, key[v], sum[h][v]);
      }
    }
#pragma GCC unroll 4
    for (int h = 0; h < H; ++h) {
#pragma GCC unroll 4
      for (int v = 0; v < kVec; ++v) Store(sum[h][v], scores[h] + s + v * kLanes);
    }
  }
}

// V registers of the outputs from dimension d on.
template <int H, int V, typename T>
PRECIS_SIMD_INLINE void TileValuesPart(const float (*weights)[kKvPage], const float* decay, const T* values, int first,
                                       int last, int head_dim, int d, float* out) {
  Floats sum[H][V];
#pragma GCC unroll 4
  for (int h = 0; h < H; ++h) {
    const Floats old = Set(decay[h]);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[h][v] = Mul(Load(out + h * head_dim + d + v * kLanes), old);
  }
  for (int p = first; p < last; ++p) {
    Floats value[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) value[v] = Load(values + p * head_dim + d + v * kLanes);
#pragma GCC unroll 4
    for (int h = 0; h < H; ++h) {
      const Floats weight = Set(weights[h][p]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[h][v] = Fma(weight, value[v], sum[h][v]);
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < H; ++h) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) Store(sum[h][v], out + h * head_dim + d + v * kLanes);
  }
}

template <int H, typename T>
PRECIS_SIMD_INLINE void TileValues(const float (*weights)[kKvPage], const float* decay, const T* values, int first,
                                   int last, int head_dim, float* out) {
  constexpr int kVec = kLanes == 16 ? 4 : kLanes == 8 ? 2 : 1;
  int d = 0;
  for (; d + kVec * kLanes <= head_dim; d += kVec * kLanes) {
    TileValuesPart<H, kVec>(weights, decay, values, first, last, head_dim, d, out);
  }
  for (; d < head_dim; d += kLanes) TileValuesPart<H, 1>(weights, decay, values, first, last, head_dim, d, out);
}

template <int H, typename T>
inline void AttendHeads(const AttentionArgs& args, int first_head) {
  const float* queries = args.queries + first_head * args.head_dim;
  float* out = args.out + first_head * args.head_dim;
  alignas(64) float scores[H][kKvPage];
  float most[H], total[H], decay[H];
#pragma GCC unroll 4
  for (int h = 0; h < H; ++h) {
    most[h] = -std::numeric_limits<float>::infinity();
    total[h] = 0;
  }
  std::fill(out, out + H * args.head_dim, 0.0f);
  for (int64_t page = args.begin / kKvPage; page * kKvPage < args.end; ++page) {
    const T* keys = static_cast<const T*>(args.pages[page]) + args.page_offset;
    const T* values = keys + static_cast<int64_t>(kKvPage) * args.head_dim;
    const int first = static_cast<int>(std::max<int64_t>(args.begin - page * kKvPage, 0));
    const int last = static_cast<int>(std::min<int64_t>(args.end - page * kKvPage, kKvPage));
    TileScores<H>(queries, keys, args.head_dim, scores);
#pragma GCC unroll 4
    for (int h = 0; h < H; ++h) {
      float* s = scores[h];
      if (args.cap > 0) {
        const Floats cap = Set(args.cap), twice_inverse = Set(2.0f / args.cap);
        for (int i = 0; i < kKvPage; i += kLanes) Store(Capped(Load(s + i), cap, twice_inverse), s + i);
      }
      // Positions outside of the range may hold anything.
      for (int i = 0; i < first; ++i) s[i] = -std::numeric_limits<float>::infinity();
      for (int i = last; i < kKvPage; ++i) s[i] = -std::numeric_limits<float>::infinity();
      Floats top[kVectors];
      for (int v = 0; v < kVectors; ++v) top[v] = Load(s + v * kLanes);
      for (int i = 16; i < kKvPage; i += 16) {
        for (int v = 0; v < kVectors; ++v) top[v] = Max(top[v], Load(s + i + v * kLanes));
      }
      float lane[16];
      for (int v = 0; v < kVectors; ++v) Store(top[v], lane + v * kLanes);
      float peak = most[h];
      for (float x : lane) peak = x > peak ? x : peak;
      const Floats shift = Set(peak);
      for (int i = 0; i < kKvPage; i += kLanes) Store(Exp(Sub(Load(s + i), shift)), s + i);
      for (int i = 0; i < first; ++i) s[i] = 0;
      for (int i = last; i < kKvPage; ++i) s[i] = 0;
      Floats sum[kVectors];
      for (int v = 0; v < kVectors; ++v) sum[v] = Load(s + v * kLanes);
      for (int i = 16; i < kKvPage; i += 16) {
        for (int v = 0; v < kVectors; ++v) sum[v] = Add(sum[v], Load(s + i + v * kLanes));
      }
      float before[16];
      std::fill(before, before + 16, most[h]);
      Store(Exp(Sub(Load(before), shift)), before);
      decay[h] = before[0];
      total[h] = std::fma(total[h], decay[h], Reduce16(sum));
      most[h] = peak;
    }
    TileValues<H>(scores, decay, values, first, last, args.head_dim, out);
  }
#pragma GCC unroll 4
  for (int h = 0; h < H; ++h) {
    const Floats divisor = Set(total[h]);
    for (int d = 0; d < args.head_dim; d += kLanes) {
      float* o = out + h * args.head_dim + d;
      Store(Div(Load(o), divisor), o);
    }
  }
}

template <typename T>
inline void AttendAs(const AttentionArgs& args) {
  for (int h = 0; h < args.group;) {
    switch (std::min(args.group - h, kHeadsTogether)) {
      case 4:
        AttendHeads<4, T>(args, h);
        break;
      case 3:
        AttendHeads<3, T>(args, h);
        break;
      case 2:
        AttendHeads<2, T>(args, h);
        break;
      default:
        AttendHeads<1, T>(args, h);
        break;
    }
    h += std::min(args.group - h, kHeadsTogether);
  }
}

inline void Attend(const AttentionArgs& args) { args.half ? AttendAs<uint16_t>(args) : AttendAs<float>(args); }
