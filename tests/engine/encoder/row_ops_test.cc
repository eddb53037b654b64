// Layer normalisation, pooling, L2 normalisation, token embeddings.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "ops/layer_norm.h"
#include "ops/pooling.h"
#include "ops/token_embeddings.h"
#include "test_util.h"

namespace precis::engine {
namespace {

TEST(LayerNorm, CloseToDoublePrecisionAndEqualBitsEverywhere) {
  for (const int64_t n : {1, 2, 15, 16, 17, 33, 384}) {
    for (const int64_t m : {1, 3, 40}) {
      TestRandom random(static_cast<uint64_t>(n * 100 + m));
      const std::vector<float> x = random.Vector(m * n, 5), gamma = random.Vector(n), beta = random.Vector(n);
      std::vector<float> reference;
      ForEachContext([&](const OpContext& context) {
        std::vector<float> y = x;  // in place
        ASSERT_TRUE(LayerNorm(context, {y.data(), m, n}, {gamma, beta, 1e-6f}, {y.data(), m, n}).ok());
        if (reference.empty()) reference = y;
        EXPECT_TRUE(SameBits(y, reference)) << Name(context) << " n " << n;
        for (int64_t i = 0; i < m; ++i) {
          double mean = 0, variance = 0;
          for (int64_t j = 0; j < n; ++j) mean += x[i * n + j] / static_cast<double>(n);
          for (int64_t j = 0; j < n; ++j) variance += std::pow(x[i * n + j] - mean, 2) / static_cast<double>(n);
          for (int64_t j = 0; j < n; ++j) {
            const double expected = (x[i * n + j] - mean) / std::sqrt(variance + 1e-6) * gamma[j] + beta[j];
            ASSERT_NEAR(y[i * n + j], expected, 1e-5) << Name(context) << " n " << n;
          }
        }
      });
    }
  }
}

TEST(LayerNorm, WrongShapesAreRefused) {
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::IsaLevel::kScalar};
  std::vector<float> x(12), three(3), four(4);
  EXPECT_FALSE(LayerNorm(context, {x.data(), 3, 4}, {three, four, 1e-6f}, {x.data(), 3, 4}).ok());
  EXPECT_FALSE(LayerNorm(context, {x.data(), 3, 4}, {four, four, 1e-6f}, {x.data(), 2, 4}).ok());
}

TEST(Pooling, MeanFirstAndMaxOfRaggedSequences) {
  const std::vector<int64_t> starts = {0, 1, 4, 21};
  for (const int64_t n : {1, 16, 17, 40}) {
    TestRandom random(static_cast<uint64_t>(n));
    const std::vector<float> x = random.Vector(21 * n);
    for (const PoolingKind kind : {PoolingKind::kMean, PoolingKind::kCls, PoolingKind::kMax}) {
      std::vector<float> reference;
      ForEachContext([&](const OpContext& context) {
        std::vector<float> y(static_cast<size_t>(3 * n));
        ASSERT_TRUE(Pool(context, {x.data(), 21, n}, starts, kind, {y.data(), 3, n}).ok());
        if (reference.empty()) reference = y;
        EXPECT_TRUE(SameBits(y, reference)) << Name(context);
        for (int64_t s = 0; s < 3; ++s) {
          for (int64_t j = 0; j < n; ++j) {
            double sum = 0, max = -10;
            for (int64_t t = starts[s]; t < starts[s + 1]; ++t) {
              sum += x[t * n + j];
              max = std::max<double>(max, x[t * n + j]);
            }
            const double mean = sum / static_cast<double>(starts[s + 1] - starts[s]);
            const double expected = kind == PoolingKind::kMean  ? mean
                                    : kind == PoolingKind::kCls ? x[starts[s] * n + j]
                                                                : max;
            ASSERT_NEAR(y[s * n + j], expected, 1e-6);
          }
        }
      });
    }
  }
}

TEST(Pooling, SequencesThatDoNotCoverTheRowsAreRefused) {
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::IsaLevel::kScalar};
  std::vector<float> x(40), y(40);
  for (const std::vector<int64_t>& starts : {std::vector<int64_t>{0, 3}, {1, 4}, {0, 2, 2, 4}, {}, {0, 5}}) {
    EXPECT_FALSE(Pool(context, {x.data(), 4, 2}, starts, PoolingKind::kMean, {y.data(), 1, 2}).ok());
  }
}

TEST(NormalizeRows, NormIsOneAndZeroStaysZero) {
  ForEachContext([](const OpContext& context) {
    std::vector<float> x(3 * 37, 0.0f);
    TestRandom random(5);
    for (int j = 0; j < 37; ++j) x[j] = 100 * random.Uniform();
    for (int j = 0; j < 37; ++j) x[37 + j] = 1e-6f * random.Uniform();
    NormalizeRows(context, {x.data(), 3, 37});
    for (const int row : {0, 1}) {
      double norm = 0;
      for (int j = 0; j < 37; ++j) norm += static_cast<double>(x[row * 37 + j]) * x[row * 37 + j];
      EXPECT_NEAR(norm, 1.0, 1e-6);
    }
    for (int j = 0; j < 37; ++j) EXPECT_EQ(x[2 * 37 + j], 0.0f);
  });
}

TEST(TokenEmbeddings, AddsPositionsThatRestartInEverySequence) {
  constexpr int64_t kVocabulary = 6, kWidth = 19, kPositions = 4;
  TestRandom random(9);
  const std::vector<float> words = random.Vector(kVocabulary * kWidth), positions = random.Vector(kPositions * kWidth);
  TensorView table;
  table.name = "words";
  table.shape = {kVocabulary, kWidth};
  table.bytes = {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(float)};
  const MatrixView position_view(positions.data(), kPositions, kWidth);
  const std::vector<int32_t> ids = {5, 0, 3, 3, 1};
  const std::vector<int64_t> starts = {0, 2, 5};
  ForEachContext([&](const OpContext& context) {
    std::vector<float> y(5 * kWidth);
    const MutableMatrix out(y.data(), 5, kWidth);
    ASSERT_TRUE(TokenEmbeddings(context, table, position_view, ids, starts, out).ok());
    const int64_t position[] = {0, 1, 0, 1, 2};
    for (int t = 0; t < 5; ++t) {
      for (int j = 0; j < kWidth; ++j) {
        EXPECT_EQ(y[t * kWidth + j], words[ids[t] * kWidth + j] + positions[position[t] * kWidth + j]);
      }
    }
    const std::vector<int32_t> outside = {0, 1, 6, 0, 0}, negative = {0, -1, 0, 0, 0};
    EXPECT_FALSE(TokenEmbeddings(context, table, position_view, outside, starts, out).ok());
    EXPECT_FALSE(TokenEmbeddings(context, table, position_view, negative, starts, out).ok());
    EXPECT_FALSE(
        TokenEmbeddings(context, table, position_view, ids, std::vector<int64_t>{0, 5}, out).ok());  // 4 positions
  });
}

}  // namespace
}  // namespace precis::engine
