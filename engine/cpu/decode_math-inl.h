// exp, and what is built of it and of sums over 16 virtual lanes.

// e^x with a relative error below 2^-22; e^-87.3 for anything smaller, NaN for NaN.
PRECIS_SIMD_INLINE Floats Exp(Floats x) {
  x = Max(Set(-87.3f), x);  // in this order of arguments NaN passes
  x = Min(Set(88.3f), x);
  const Floats n = Round(Mul(x, Set(1.44269504088896341f)));
  Floats r = Fma(n, Set(-0.693359375f), x);  // ln 2 in two parts, the first one exact in 10 bits
  r = Fma(n, Set(2.12194440e-4f), r);
  Floats p = Set(1.9875691500e-4f);
  p = Fma(p, r, Set(1.3981999507e-3f));
  p = Fma(p, r, Set(8.3334519073e-3f));
  p = Fma(p, r, Set(4.1665795894e-2f));
  p = Fma(p, r, Set(1.6666665459e-1f));
  p = Fma(p, r, Set(5.0000001201e-1f));
  p = Fma(p, Mul(r, r), Add(r, Set(1.0f)));
  return Mul(p, PowerOfTwo(n));
}

inline void RmsNorm(const float* x, const float* weight, int64_t n, float eps, float* y) {
  Floats sum[kVectors];
  for (Floats& s : sum) s = Zero();
  for (int64_t i = 0; i < n; i += 16) {
    for (int v = 0; v < kVectors; ++v) {
      const Floats a = Load(x + i + v * kLanes);
      sum[v] = Fma(a, a, sum[v]);
    }
  }
  const float mean = Reduce16(sum) / static_cast<float>(n);
  const Floats scale = Set(1.0f / std::sqrt(mean + eps));
  for (int64_t i = 0; i < n; i += kLanes) Store(Mul(Mul(Load(x + i), scale), Load(weight + i)), y + i);
}

inline void SiluGate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Floats g = Load(gate + i);
    const Floats e = Exp(Sub(Zero(), g));
    Store(Mul(Div(g, Add(Set(1.0f), e)), Load(up + i)), out + i);
  }
}

// 0.5 g (1 + tanh(u)) = g / (1 + e^(-2u)), u = sqrt(2 / pi) (g + 0.044715 g^3).
inline void GeluGate(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Floats g = Load(gate + i);
    const Floats cubic = Fma(Mul(Mul(g, g), g), Set(0.044715f), g);
    const Floats e = Exp(Mul(cubic, Set(-1.5957691216057308f)));
    Store(Mul(Div(g, Add(Set(1.0f), e)), Load(up + i)), out + i);
  }
}

// cap tanh(x / cap), tanh(u) = 1 - 2 / (1 + e^(2u)). NaN stays NaN.
PRECIS_SIMD_INLINE Floats Capped(Floats x, Floats cap, Floats twice_inverse) {
  const Floats e = Exp(Mul(x, twice_inverse));
  return Mul(cap, Sub(Set(1.0f), Div(Set(2.0f), Add(Set(1.0f), e))));
}

inline void SoftCap(float* x, int64_t n, float cap) {
  const Floats top = Set(cap), inverse = Set(2.0f / cap);
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) Store(Capped(Load(x + i), top, inverse), x + i);
  for (int64_t i = whole; i < n; ++i) {
    float tail[16];
    std::fill(tail, tail + 16, x[i]);
    Store(Capped(Load(tail), top, inverse), tail);
    x[i] = tail[0];
  }
}

inline void ToHalf(const float* x, int64_t n, uint16_t* out) {
  for (int64_t i = 0; i < n; i += kLanes) Store(Load(x + i), out + i);
}

inline double LogSumExp(const float* x, int64_t n) {
  float most = x[0];
  bool nan = false;
  for (int64_t i = 0; i < n; ++i) {
    most = x[i] > most ? x[i] : most;
    nan |= x[i] != x[i];
  }
  if (nan) return std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(most)) return most;
  double total = 0;
  const Floats shift = Set(most);
  // Short runs in float, their sums in double: 152,064 terms in one float would lose three digits.
  constexpr int64_t kRun = 4096;
  for (int64_t begin = 0; begin < n; begin += kRun) {
    const int64_t end = std::min(n, begin + kRun);
    Floats sum[kVectors];
    for (Floats& s : sum) s = Zero();
    int64_t i = begin;
    for (; i + 16 <= end; i += 16) {
      for (int v = 0; v < kVectors; ++v) sum[v] = Add(sum[v], Exp(Sub(Load(x + i + v * kLanes), shift)));
    }
    total += Reduce16(sum);
    for (; i < end; ++i) {
      float tail[16];
      std::fill(tail, tail + 16, x[i]);
      Store(Exp(Sub(Load(tail), shift)), tail);
      total += tail[0];
    }
  }
  return static_cast<double>(most) + std::log(total);
}

// With d = x - max: log(sum e^d) - sum(d e^d) / sum(e^d). Runs as in LogSumExp.
inline double Entropy(const float* x, int64_t n) {
  float most = x[0];
  bool nan = false;
  for (int64_t i = 0; i < n; ++i) {
    most = x[i] > most ? x[i] : most;
    nan |= x[i] != x[i];
  }
  if (nan || std::isinf(most)) return std::numeric_limits<double>::quiet_NaN();
  double total = 0, weighted = 0;
  // Where Exp ends too, so that no infinity is multiplied by next to nothing.
  const Floats shift = Set(most), least = Set(-87.3f);
  constexpr int64_t kRun = 4096;
  for (int64_t begin = 0; begin < n; begin += kRun) {
    const int64_t end = std::min(n, begin + kRun);
    Floats sum[kVectors], product[kVectors];
    for (int v = 0; v < kVectors; ++v) sum[v] = product[v] = Zero();
    int64_t i = begin;
    for (; i + 16 <= end; i += 16) {
      for (int v = 0; v < kVectors; ++v) {
        const Floats d = Max(least, Sub(Load(x + i + v * kLanes), shift)), e = Exp(d);
        sum[v] = Add(sum[v], e);
        product[v] = Fma(d, e, product[v]);
      }
    }
    total += Reduce16(sum);
    weighted += Reduce16(product);
    for (; i < end; ++i) {
      float tail[16];
      std::fill(tail, tail + 16, x[i]);
      const Floats d = Max(least, Sub(Load(tail), shift)), e = Exp(d);
      Store(e, tail);
      total += tail[0];
      Store(Mul(d, e), tail);
      weighted += tail[0];
    }
  }
  return std::log(total) - weighted / total;
}
