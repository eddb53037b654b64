// exp, tanh and the activations over sixteen lanes: one polynomial, one order of operations for every instruction set.
// Included only by kernel files. Constants: Chebyshev interpolation in 40 digits, rounded
// to float (tests measure the errors stated here against long double).
#pragma once

#include "cpu/vec16.h"

namespace precis::engine::cpu {

// a0 + a1 t + ... by Horner's rule, each step fused.
template <typename V, int N>
inline V Polynomial(const V& t, const float (&coefficients)[N]) {
  V sum = V::Set(coefficients[N - 1]);
#pragma GCC unroll 32
  for (int i = N - 2; i >= 0; --i) sum = Fma(sum, t, V::Set(coefficients[i]));
  return sum;
}

// Relative error below 1.5e-7 in [-87, 88]; 0 below, clamped to exp(88) above; NaN stays NaN.
template <typename V>
inline V Exp(const V& x0) {
  constexpr float kLowest = -87.0f, kHighest = 88.0f;
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693147182f, kLn2Low = -1.9046543e-09f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  static constexpr float kTail[] = {0.5f, 0.166665763f, 0.0416664667f, 0.00836318173f, 0.00139336521f};
  const V x = Min(V::Set(kHighest), Max(V::Set(kLowest), x0));
  const V z = Fma(x, V::Set(kLog2E), V::Set(kRound));
  const V n = z - V::Set(kRound);
  const V r = Fma(n, V::Set(-kLn2Low), Fma(n, V::Set(-kLn2High), x));
  const V e = Fma(Polynomial(r, kTail), r * r, r) + V::Set(1.0f);
  return SelectLess(x0, V::Set(kLowest), V::Zero(), e * Pow2(z));
}

// (1 - e) / (1 + e) with e = exp(-2|x|). Absolute error below 2e-7.
template <typename V>
inline V Tanh(const V& x) {
  const V magnitude = Max(V::Zero() - x, x);
  const V e = Exp(magnitude * V::Set(-2.0f));
  const V t = (V::Set(1.0f) - e) / (V::Set(1.0f) + e);
  return SelectLess(x, V::Zero(), V::Zero() - t, t);
}

// x * Phi(x), the exact (erf) GELU. Phi(x) - 1/2 is x times a polynomial in x^2; past |x| = 5.5 Phi is 0 or 1 to
// float's precision. Absolute error below 1.5e-7 * max(1, |x|).
template <typename V>
inline V GeluErf(const V& x) {
  constexpr float kEdge = 5.5f;
  static constexpr float kPhi[] = {0.12855193f,     -0.0641723126f,   0.0477377959f,   -0.0387937948f,
                                   0.0320672244f,   -0.0260361508f,   0.0203848071f,   -0.015062524f,
                                   0.0101642124f,   -0.00665067835f,  0.00472356984f,  -0.00265870243f,
                                   0.000639906502f, -0.000356754608f, 0.000656236662f, -0.000285676331f};
  const V c = Min(V::Set(kEdge), Max(V::Set(-kEdge), x));
  const V t = Fma(c * c, V::Set(2.0f / (kEdge * kEdge)), V::Set(-1.0f));
  return x * Fma(c, Polynomial(t, kPhi), V::Set(0.5f));
}

// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
template <typename V>
inline V GeluTanh(const V& x) {
  const V inner = x * Fma(x * x, V::Set(0.0356774081f), V::Set(0.797884561f));
  const V half = x * V::Set(0.5f);
  return Fma(half, Tanh(inner), half);
}

// x / (1 + exp(-x)).
template <typename V>
inline V Silu(const V& x) {
  return x / (V::Set(1.0f) + Exp(V::Zero() - x));
}

template <typename V>
inline V Relu(const V& x) {
  return Max(V::Zero(), x);
}

}  // namespace precis::engine::cpu
