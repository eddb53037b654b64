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

TEST(DecodeKernels, EntropyIsRightAndTheSameEverywhere) {
  for (const size_t n : {1u, 15u, 16u, 4097u, 49153u}) {
    auto x = Random(n, 6, 5);
    if (n > 20) x[3] = -std::numeric_limits<float>::infinity();
    const double most = *std::max_element(x.begin(), x.end());
    double sum = 0, expected = 0;
    for (const float v : x) sum += std::exp(v - most);
    for (const float v : x) {
      const double p = std::exp(v - most) / sum;
      if (p > 0) expected -= p * std::log(p);
    }
    for (const IsaLevel isa : AvailableIsaLevels()) {
      const double y = GetDecodeKernels(isa).entropy(x.data(), static_cast<int64_t>(n));
      EXPECT_NEAR(y, expected, 1e-5) << n;
      EXPECT_EQ(y, ScalarDecodeKernels().entropy(x.data(), static_cast<int64_t>(n))) << IsaLevelName(isa) << " " << n;
    }
    x[n / 2] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(GetDecodeKernels(BestIsaLevel()).entropy(x.data(), static_cast<int64_t>(n))));
  }
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
        AttentionArgs args{.queries = q.data(),
                           .out = reference.data(),
                           .query_stride = 0,
                           .out_stride = 0,
                           .pages = pointers.data(),
                           .page_offset = offset,
                           .position = end - 1,
                           .window = begin == 0 ? 0 : end - begin,
                           .rows = 1,
                           .group = group,
                           .head_dim = dim,
                           .type = half ? KvType::kF16 : KvType::kF32};
        ScalarDecodeKernels().attend(args);
        for (const IsaLevel isa : AvailableIsaLevels()) {
          args.out = y.data();
          GetDecodeKernels(isa).attend(args);
          EXPECT_EQ(y, reference) << IsaLevelName(isa) << " " << dim << " " << half;
        }
        std::vector<double> weights(192, 0);  // summed over the heads, as add_weights has them
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
          for (int64_t p = begin; p < end; ++p) {
            weights[static_cast<size_t>(p)] += weight[static_cast<size_t>(p - begin)] / total;
          }
          for (int d = 0; d < dim; ++d) {
            double expected = 0;
            for (int64_t p = begin; p < end; ++p) {
              expected += weight[static_cast<size_t>(p - begin)] / total *
                          pages[static_cast<size_t>(p / 64)][static_cast<size_t>(offset + 64 * dim + p % 64 * dim + d)];
            }
            ASSERT_NEAR(y[static_cast<size_t>(h * dim + d)], expected, 2e-5);
          }
        }
        std::vector<float> scratch(192), first;
        for (const IsaLevel isa : AvailableIsaLevels()) {
          std::vector<float> sums(192, 0);
          GetDecodeKernels(isa).add_weights(args, scratch.data(), sums.data());
          if (first.empty()) first = sums;
          EXPECT_EQ(sums, first) << IsaLevelName(isa) << " " << dim << " " << half;
          for (size_t p = 0; p < 192; ++p) ASSERT_NEAR(sums[p], weights[p], 2e-5) << p;
        }
      }
    }
  }
}

// Rows that attend together, with and without a window, give what each gives alone. Slots past the last row are NaN.
TEST(DecodeKernels, RowsTogetherAttendAsEachAloneBitwise) {
  const int dim = 32;
  std::vector<std::vector<float>> pages;
  std::vector<const void*> pointers;
  for (uint32_t p = 0; p < 3; ++p) {
    pages.push_back(Random(128 * dim, 1, 40 + p));
    pointers.push_back(pages.back().data());
  }
  for (const int group : {1, 2, 3, 4, 5, 7}) {
    for (const int64_t position : {0, 5, 64, 120, 136}) {
      for (const int rows : {1, 2, 7, 8}) {
        for (int64_t slot = (position + rows) % 64; slot < 64 && slot != 0; ++slot) {
          auto& page = pages[static_cast<size_t>((position + rows) / 64)];
          for (int d = 0; d < dim; ++d) {
            page[static_cast<size_t>(d * 64 + slot)] = std::numeric_limits<float>::quiet_NaN();
            page[static_cast<size_t>(64 * dim + slot * dim + d)] = std::numeric_limits<float>::quiet_NaN();
          }
        }
        const int64_t width = group * dim;
        const auto q = Random(static_cast<size_t>(rows * (width + 5)), 0.5f, 50);
        for (const int64_t window : {0, 1, 3, 9, 70, 128}) {
          for (const float cap : {0.0f, 2.0f}) {
            AttentionArgs args{.queries = q.data(),
                               .out = nullptr,
                               .query_stride = width + 5,
                               .out_stride = width,
                               .pages = pointers.data(),
                               .page_offset = 0,
                               .position = position,
                               .window = window,
                               .rows = 1,
                               .group = group,
                               .head_dim = dim,
                               .type = KvType::kF32,
                               .cap = cap};
            std::vector<float> alone(static_cast<size_t>(rows * width)), together(alone.size());
            for (int r = 0; r < rows; ++r) {
              args.queries = q.data() + r * (width + 5);
              args.out = alone.data() + r * width;
              args.position = position + r;
              ScalarDecodeKernels().attend(args);
            }
            args.queries = q.data();
            args.out = together.data();
            args.position = position;
            args.rows = rows;
            for (const float x : alone) ASSERT_TRUE(std::isfinite(x));
            for (const IsaLevel isa : AvailableIsaLevels()) {
              std::fill(together.begin(), together.end(), 0.0f);
              GetDecodeKernels(isa).attend(args);
              ASSERT_EQ(together, alone) << IsaLevelName(isa) << " group " << group << " position " << position
                                         << " rows " << rows << " window " << window;
            }
          }
        }
        // What is broken at the last row's own position reaches no earlier row.
        if (rows > 1) {
          AttentionArgs args{.queries = q.data(),
                             .out = nullptr,
                             .query_stride = width + 5,
                             .out_stride = width,
                             .pages = pointers.data(),
                             .page_offset = 0,
                             .position = position,
                             .window = 0,
                             .rows = rows,
                             .group = group,
                             .head_dim = dim,
                             .type = KvType::kF32};
          std::vector<float> before(static_cast<size_t>(rows * width)), after(before.size());
          const int64_t last = position + rows - 1;
          for (const IsaLevel isa : AvailableIsaLevels()) {
            args.out = before.data();
            GetDecodeKernels(isa).attend(args);
            const auto kept = pages;
            auto& page = pages[static_cast<size_t>(last / 64)];
            for (int d = 0; d < dim; ++d) {
              page[static_cast<size_t>(d * 64 + last % 64)] = std::numeric_limits<float>::quiet_NaN();
              page[static_cast<size_t>(64 * dim + last % 64 * dim + d)] = std::numeric_limits<float>::quiet_NaN();
            }
            args.out = after.data();
            GetDecodeKernels(isa).attend(args);
            ASSERT_TRUE(std::equal(before.begin(), before.end() - width, after.begin())) << IsaLevelName(isa);
            EXPECT_TRUE(std::isnan(after.back()));
            for (size_t p = 0; p < 3; ++p) std::copy(kept[p].begin(), kept[p].end(), pages[p].begin());
          }
        }
        for (uint32_t p = 0; p < 3; ++p) pages[p] = Random(128 * dim, 1, 40 + p);
        for (uint32_t p = 0; p < 3; ++p) pointers[p] = pages[p].data();
      }
    }
  }
}

TEST(DecodeKernels, HalvesAreTheNearestEverywhere) {
  auto x = Random(64, 3, 60);
  x[0] = 0, x[1] = 1e9f, x[2] = 6e-8f, x[3] = 2049, x[4] = 2051;  // beyond the range, subnormal, ties
  for (const IsaLevel isa : AvailableIsaLevels()) {
    std::vector<uint16_t> y(64);
    GetDecodeKernels(isa).to_half(x.data(), 64, y.data());
    for (size_t i = 0; i < 64; ++i) EXPECT_EQ(y[i], FloatToHalf(x[i])) << IsaLevelName(isa) << " " << x[i];
  }
}

}  // namespace
}  // namespace precis::engine::cpu
