// The polynomial functions against long double, and one instruction set against the other.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/float_kernels.h"
#include "cpu/isa.h"
#include "gtest/gtest.h"
#include "test_util.h"

namespace precis::engine::cpu {
namespace {

std::vector<float> Inputs() {
  std::vector<float> x;
  for (int i = -120000; i <= 120000; i += 7) x.push_back(static_cast<float>(i) / 10000.0f);
  for (const float edge :
       {5.5f, -5.5f, 5.4999995f, 87.0f, -87.0f, -87.1f, 88.0f, 1e-20f, -1e-38f, 0.0f, -0.0f, 1e30f}) {
    x.push_back(edge);
  }
  return x;
}

std::vector<float> Activate(IsaLevel level, ActivationKind kind, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  FloatKernelsFor(level).activate(kind, x.data(), static_cast<int64_t>(x.size()), y.data());
  return y;
}

double Exact(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::kGeluErf:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case ActivationKind::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case ActivationKind::kRelu:
      return std::max(0.0, x);
    case ActivationKind::kSilu:
      return x / (1 + std::exp(-x));
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kNone:
      break;
  }
  return x;
}

constexpr ActivationKind kKinds[] = {ActivationKind::kNone, ActivationKind::kGeluErf, ActivationKind::kGeluTanh,
                                     ActivationKind::kRelu, ActivationKind::kSilu,    ActivationKind::kTanh};

TEST(Activation, CloseToTheExactFunction) {
  const std::vector<float> x = Inputs();
  for (const ActivationKind kind : kKinds) {
    const std::vector<float> y = Activate(IsaLevel::kScalar, kind, x);
    for (size_t i = 0; i < x.size(); ++i) {
      const double tolerance = 4e-7 * std::max(1.0, std::fabs(static_cast<double>(x[i])));
      ASSERT_NEAR(y[i], Exact(kind, x[i]), tolerance) << "kind " << static_cast<int>(kind) << " at " << x[i];
    }
  }
}

TEST(Activation, EqualBitsOnEveryInstructionSet) {
  const std::vector<float> x = Inputs();
  for (const ActivationKind kind : kKinds) {
    const std::vector<float> reference = Activate(IsaLevel::kScalar, kind, x);
    for (const IsaLevel level : AvailableIsaLevels()) {
      EXPECT_TRUE(SameBits(Activate(level, kind, x), reference))
          << IsaLevelName(level) << " " << static_cast<int>(kind);
    }
  }
}

TEST(Activation, NaNStaysNaN) {
  const std::vector<float> x(20, std::numeric_limits<float>::quiet_NaN());
  for (const ActivationKind kind : kKinds) {
    for (const IsaLevel level : AvailableIsaLevels()) {
      for (const float y : Activate(level, kind, x)) EXPECT_TRUE(std::isnan(y)) << IsaLevelName(level);
    }
  }
}

TEST(ExpRow, IsTheSoftmaxAtEverySizeOnEveryInstructionSet) {
  for (const int64_t n : {1, 2, 15, 16, 17, 31, 32, 33, 64, 500}) {
    TestRandom random(static_cast<uint64_t>(n));
    const std::vector<float> x = random.Vector(n, 30.0f);
    const float scale = 0.37f;
    double max = x[0], total = 0;
    for (const float v : x) max = std::max<double>(max, v);
    std::vector<double> expected;
    for (const float v : x) total += expected.emplace_back(std::exp(scale * (v - max)));
    std::vector<float> first;
    float first_sum = 0;
    for (const IsaLevel level : AvailableIsaLevels()) {
      std::vector<float> y = x;
      const float sum = FloatKernelsFor(level).exp_row(y.data(), n, scale);
      EXPECT_NEAR(sum, total, 2e-6 * total);
      for (int64_t i = 0; i < n; ++i) ASSERT_NEAR(y[i], expected[i], 3e-6 * expected[i] + 1e-30) << n << " " << i;
      if (first.empty()) {
        first = y;
        first_sum = sum;
      }
      EXPECT_TRUE(SameBits(y, first)) << IsaLevelName(level) << " n " << n;
      EXPECT_EQ(sum, first_sum);
    }
  }
}

TEST(ExpRow, FarBelowTheGreatestIsZero) {
  for (const IsaLevel level : AvailableIsaLevels()) {
    std::vector<float> x = {-1000.0f, 0.0f, -88.0f, -1e30f};
    EXPECT_EQ(FloatKernelsFor(level).exp_row(x.data(), 4, 1.0f), 1.0f);
    EXPECT_EQ(x, (std::vector<float>{0.0f, 1.0f, 0.0f, 0.0f}));
  }
}

}  // namespace
}  // namespace precis::engine::cpu
