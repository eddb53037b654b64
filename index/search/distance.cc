#include "search/distance.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "search/distance.cc"
#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace precis::index {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, kLane>;
constexpr size_t kWidth = hn::MaxLanes(Tag());
constexpr size_t kRegisters = kLane / kWidth;

// Lane i gets lane i + half, half = 8, 4, 2, 1: the tree that every instruction set follows.
HWY_INLINE float SumLanes(const hn::Vec<Tag>* sums) {
  HWY_ALIGN float lanes[kLane];
  for (size_t r = 0; r < kRegisters; ++r) hn::Store(sums[r], Tag(), lanes + r * kWidth);
  for (size_t half = kLane / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

template <bool kL2>
HWY_INLINE hn::Vec<Tag> Step(hn::Vec<Tag> query, hn::Vec<Tag> row, hn::Vec<Tag> sum) {
  if constexpr (kL2) {
    const auto difference = hn::Sub(query, row);
    return hn::MulAdd(difference, difference, sum);
  } else {
    return hn::MulAdd(query, row, sum);
  }
}

template <bool kL2, size_t kRows>
HWY_INLINE void SomeRows(const float* query, const float* rows, size_t stride, float* out) {
  const Tag d;
  hn::Vec<Tag> sums[kRows][kRegisters];
  for (auto& row : sums) {
    for (auto& sum : row) sum = hn::Zero(d);
  }
  for (size_t i = 0; i < stride; i += kLane) {
    for (size_t r = 0; r < kRegisters; ++r) {
      const auto q = hn::Load(d, query + i + r * kWidth);
      for (size_t row = 0; row < kRows; ++row) {
        sums[row][r] = Step<kL2>(q, hn::Load(d, rows + row * stride + i + r * kWidth), sums[row][r]);
      }
    }
  }
  for (size_t row = 0; row < kRows; ++row) {
    const float sum = SumLanes(sums[row]);
    out[row] = kL2 ? -sum : sum;
  }
}

template <bool kL2>
HWY_INLINE void Rows(const float* query, const float* rows, size_t stride, size_t count, float* out) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) SomeRows<kL2, 4>(query, rows + i * stride, stride, out + i);
  for (; i < count; ++i) SomeRows<kL2, 1>(query, rows + i * stride, stride, out + i);
}

void Dot(const float* query, const float* rows, size_t stride, size_t count, float* out) {
  Rows<false>(query, rows, stride, count, out);
}
void NegativeL2(const float* query, const float* rows, size_t stride, size_t count, float* out) {
  Rows<true>(query, rows, stride, count, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace precis::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace precis::index {
HWY_EXPORT(Dot);
HWY_EXPORT(NegativeL2);

void DotRows(const float* query, const float* rows, size_t stride, size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(Dot)(query, rows, stride, count, out);
}
void NegativeL2Rows(const float* query, const float* rows, size_t stride, size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(NegativeL2)(query, rows, stride, count, out);
}
}  // namespace precis::index
#endif
