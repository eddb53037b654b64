// Norms, gates, attention and log-sum-exp: against double, and every instruction set against the scalar one.
#include "cpu/decode_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "formats/half.h"

namespace precis::engine::cpu {
namespace {

std::vector<float> Random(size_t n, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(n);
  for (float& v : x) v = normal(random);
  return x;
}

TEST(DecodeKernels, RmsNormIsRightAndTheSameEverywhere) {
  const auto x = Random(576, 3, 1), w = Random(576, 1, 2);
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * v;
  for (const IsaLevel isa : AvailableIsaLevels()) {
    std::vector<float> y(576), reference(576);
    ScalarDecodeKernels().rms_norm(x.data(), w.data(), 576, 1e-5f, reference.data());
    GetDecodeKernels(isa).rms_norm(x.data(), w.data(), 576, 1e-5f, y.data());
    EXPECT_EQ(y, reference) << IsaLevelName(isa);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], x[i] / std::sqrt(sum / 576 + 1e-5) * w[i], 1e-5);
  }
}

TEST(DecodeKernels, GatesAreRightAndTheSameEverywhere) {
  auto gate = Random(512, 4, 3);
  const auto up = Random(512, 1, 4);
  gate[0] = 1000, gate[1] = -1000, gate[2] = 0, gate[3] = 80, gate[4] = -80;
  for (const IsaLevel isa : AvailableIsaLevels()) {
    std::vector<float> y(512), reference(512);
    ScalarDecodeKernels().silu_gate(gate.data(), up.data(), 512, reference.data());
    GetDecodeKernels(isa).silu_gate(gate.data(), up.data(), 512, y.data());
    EXPECT_EQ(y, reference) << IsaLevelName(isa);
    for (size_t i = 0; i < y.size(); ++i) {
      const double g = gate[i], expected = g / (1 + std::exp(-g)) * up[i];
      ASSERT_NEAR(y[i], expected, 2e-6 * std::fabs(expected) + 1e-6);
    }
    ScalarDecodeKernels().gelu_gate(gate.data(), up.data(), 512, reference.data());
    GetDecodeKernels(isa).gelu_gate(gate.data(), up.data(), 512, y.data());
    EXPECT_EQ(y, reference) << IsaLevelName(isa);
    for (size_t i = 0; i < y.size(); ++i) {
      const double g = gate[i];
      const double expected = 0.5 * g * (1 + std::tanh(std::sqrt(2 / M_PI) * (g + 0.044715 * g * g * g))) * up[i];
      ASSERT_NEAR(y[i], expected, 1e-5 * std::fabs(expected) + 1e-5) << g;
    }
  }
}

TEST(DecodeKernels, LogSumExpIsRightAndTheSameEverywhere) {
  auto x = Random(49153, 6, 5);
  double most = *std::max_element(x.begin(), x.end()), sum = 0;
  for (const float v : x) sum += std::exp(v - most);
  for (const IsaLevel isa : AvailableIsaLevels()) {
    const double y = GetDecodeKernels(isa).log_sum_exp(x.data(), static_cast<int64_t>(x.size()));
    EXPECT_NEAR(y, most + std::log(sum), 1e-6);
    EXPECT_EQ(y, ScalarDecodeKernels().log_sum_exp(x.data(), static_cast<int64_t>(x.size())));
    EXPECT_NEAR(GetDecodeKernels(isa).log_sum_exp(x.data(), 1), x[0], 1e-6);
  }
  x[77] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(GetDecodeKernels(BestIsaLevel()).log_sum_exp(x.data(), static_cast<int64_t>(x.size()))));
}

// Pages of random keys and values; what lies past the sequence's end is NaN and must not be touched.
TEST(DecodeKernels, AttentionIsRightAndTheSameEverywhere) {
  for (const int dim : {16, 64, 80, 256}) {
    for (const bool half : {false, true}) {
      for (const auto& [begin, end] :
           {std::pair<int64_t, int64_t>{0, 1}, {0, 64}, {0, 65}, {0, 190}, {100, 190}, {64, 128}}) {
        const int group = 7;
        const int64_t offset = 32;
        std::vector<std::vector<float>> pages(3);
        std::vector<std::vector<uint16_t>> halves(3);
        std::vector<const void*> pointers;
        const float nan = std::numeric_limits<float>::quiet_NaN();
        for (int64_t p = 0; p < 3; ++p) {
          auto& page = pages[static_cast<size_t>(p)];
          page = Random(static_cast<size_t>(offset + 128 * dim), 1, static_cast<uint32_t>(p + dim));
          for (int64_t slot = 0; slot < 64; ++slot) {
            if (p * 64 + slot >= begin && p * 64 + slot < end) continue;
            for (int d = 0; d < dim; ++d) {
              page[static_cast<size_t>(offset + d * 64 + slot)] = nan;
              page[static_cast<size_t>(offset + 64 * dim + slot * dim + d)] = nan;
            }
          }
          auto& bits = halves[static_cast<size_t>(p)];
          for (float& v : page) {
            bits.push_back(FloatToHalf(v));
            if (half) v = HalfToFloat(bits.back());
          }
          pointers.push_back(half ? static_cast<const void*>(bits.data()) : page.data());
        }
        const auto q = Random(static_cast<size_t>(group * dim), 0.3f, 9);
        std::vector<float> y(q.size()), reference(q.size());
        AttentionArgs args{q.data(), reference.data(), pointers.data(), offset, begin, end, group, dim, half};
        ScalarDecodeKernels().attend(args);
        for (const IsaLevel isa : AvailableIsaLevels()) {
          args.out = y.data();
          GetDecodeKernels(isa).attend(args);
          EXPECT_EQ(y, reference) << IsaLevelName(isa) << " " << dim << " " << half;
        }
        for (int h = 0; h < group; ++h) {
          std::vector<double> weight;
          double most = -1e30, total = 0;
          for (int64_t p = begin; p < end; ++p) {
            double s = 0;
            for (int d = 0; d < dim; ++d) {
              s += static_cast<double>(q[static_cast<size_t>(h * dim + d)]) *
                   pages[static_cast<size_t>(p / 64)][static_cast<size_t>(offset + d * 64 + p % 64)];
            }
            weight.push_back(s);
            most = std::max(most, s);
          }
          for (double& w : weight) total += w = std::exp(w - most);
          for (int d = 0; d < dim; ++d) {
            double expected = 0;
            for (int64_t p = begin; p < end; ++p) {
              expected += weight[static_cast<size_t>(p - begin)] / total *
                          pages[static_cast<size_t>(p / 64)][static_cast<size_t>(offset + 64 * dim + p % 64 * dim + d)];
            }
            ASSERT_NEAR(y[static_cast<size_t>(h * dim + d)], expected, 2e-5);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace precis::engine::cpu
