// Vec16 in plain C++; see vec16.h.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "cpu/vec16.h"

namespace precis::engine::cpu {

struct Vec16Scalar {
  float lane[kLanes];

  template <typename F>
  static Vec16Scalar Make(F&& f) {
    Vec16Scalar r;
    for (int i = 0; i < kLanes; ++i) r.lane[i] = f(i);
    return r;
  }
  static Vec16Scalar Load(const float* p) {
    return Make([p](int i) { return p[i]; });
  }
  static Vec16Scalar LoadPartial(const float* p, int n) {
    return Make([p, n](int i) { return i < n ? p[i] : 0.0f; });
  }
  static Vec16Scalar Set(float x) {
    return Make([x](int) { return x; });
  }
  static Vec16Scalar Zero() { return Set(0.0f); }
  void Store(float* p) const { StorePartial(p, kLanes); }
  void StorePartial(float* p, int n) const {
    for (int i = 0; i < n; ++i) p[i] = lane[i];
  }

  using V = Vec16Scalar;
  friend V operator+(const V& a, const V& b) {
    return Make([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  friend V operator-(const V& a, const V& b) {
    return Make([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  friend V operator*(const V& a, const V& b) {
    return Make([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  friend V operator/(const V& a, const V& b) {
    return Make([&](int i) { return a.lane[i] / b.lane[i]; });
  }
  friend V Fma(const V& a, const V& b, const V& c) {
    return Make([&](int i) { return std::fmaf(a.lane[i], b.lane[i], c.lane[i]); });
  }
  friend V Max(const V& a, const V& b) {
    return Make([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend V Min(const V& a, const V& b) {
    return Make([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend V SelectLess(const V& a, const V& b, const V& x, const V& y) {
    return Make([&](int i) { return a.lane[i] < b.lane[i] ? x.lane[i] : y.lane[i]; });
  }
  friend V Pow2(const V& z) {
    return Make([&](int i) { return std::bit_cast<float>((std::bit_cast<uint32_t>(z.lane[i]) << 23) + 0x3f800000u); });
  }
  float ReduceAdd() const {
    V s = *this;
    for (int half = kLanes / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) s.lane[i] = s.lane[i] + s.lane[i + half];
    }
    return s.lane[0];
  }
  float ReduceMax() const {
    V s = *this;
    for (int half = kLanes / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) s.lane[i] = s.lane[i] > s.lane[i + half] ? s.lane[i] : s.lane[i + half];
    }
    return s.lane[0];
  }
};

}  // namespace precis::engine::cpu
