#include "cpu/int8_kernels-inl.h"
#include "cpu/vec16_scalar.h"

namespace precis::engine::cpu {

// The reference.
struct IntLanesScalar {
  using V = Vec16Scalar;
  struct Acc {
    int32_t lane[kLanes];
  };
  using Weights = const uint8_t*;
  static constexpr int kRows8 = 4, kRows16 = 4, kPanels = 1;

  static Acc Zero() { return {}; }
  template <IntWidth>
  static Weights Load(const uint8_t* p) {
    return p;
  }
  static uint32_t Broadcast(uint32_t x) { return x; }
  template <IntWidth kWidth>
  static Acc Dot(Acc acc, Weights w, uint32_t x) {
    for (int i = 0; i < kLanes; ++i) {
      if constexpr (kWidth == IntWidth::k8) {
        for (int j = 0; j < 4; ++j) {
          acc.lane[i] += static_cast<int8_t>(w[4 * i + j]) * static_cast<int8_t>(x >> (8 * j));
        }
      } else {
        for (int j = 0; j < 2; ++j) {
          const int low = w[4 * i + 2 * j], high = static_cast<int8_t>(w[4 * i + 2 * j + 1]);
          acc.lane[i] += (high * 256 + low) * static_cast<int16_t>(x >> (16 * j));
        }
      }
    }
    return acc;
  }
  template <IntWidth>
  static void Store(const Acc& acc, const int32_t* /*sums*/, const int32_t* /*negatives*/, int32_t* out) {
    for (int i = 0; i < kLanes; ++i) out[i] = acc.lane[i];
  }
  static V ToFloat(const int32_t* p) {
    return V::Make([p](int i) { return static_cast<float>(p[i]); });
  }
  static void Round8(const V& v, int lanes, uint8_t* out) {
    for (int i = 0; i < lanes; ++i) out[i] = static_cast<uint8_t>(static_cast<int8_t>(std::nearbyint(v.lane[i])));
  }
  static void Round16(const V& v, int lanes, int16_t* out) {
    for (int i = 0; i < lanes; ++i) out[i] = static_cast<int16_t>(std::nearbyint(v.lane[i]));
  }
};

constexpr IntKernels kScalarIntTable = IntKernelBodies<IntLanesScalar>::Table();
const IntKernels kIntKernelsScalar = kScalarIntTable;

}  // namespace precis::engine::cpu
