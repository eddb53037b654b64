#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "ops/bidirectional_attention.h"
#include "test_util.h"

namespace precis::engine {
namespace {

struct Batch {
  std::vector<int64_t> starts = {0};
  int64_t heads, head_dim;
  std::vector<float> qkv;

  Batch(const std::vector<int64_t>& lengths, int64_t h, int64_t d) : heads(h), head_dim(d) {
    for (const int64_t length : lengths) starts.push_back(starts.back() + length);
    qkv = TestRandom(static_cast<uint64_t>(starts.back() * 31 + d)).Vector(tokens() * 3 * width(), 2.0f);
  }
  int64_t tokens() const { return starts.back(); }
  int64_t width() const { return heads * head_dim; }

  std::vector<float> Run(const OpContext& context, float scale, const AttentionDistance& distance = {}) const {
    std::vector<float> out(static_cast<size_t>(tokens() * width()), -3.0f);
    EXPECT_TRUE(BidirectionalAttention(context, {qkv.data(), tokens(), 3 * width()}, starts, heads, scale,
                                       {out.data(), tokens(), width()}, distance)
                    .ok());
    return out;
  }

  double Q(int64_t t, int64_t part, int64_t head, int64_t d) const {
    return qkv[t * 3 * width() + part * width() + head * head_dim + d];
  }

  // One output in double precision.
  double Exact(int64_t s, int64_t t, int64_t head, int64_t d, double scale,
               const AttentionDistance& distance = {}) const {
    std::vector<double> score;
    double max = -1e300, total = 0, mixed = 0;
    for (int64_t j = starts[s]; j < starts[s + 1]; ++j) {
      double dot = 0;
      for (int64_t e = 0; e < head_dim; ++e) dot += Q(t, 0, head, e) * Q(j, 1, head, e);
      if (distance.bias.data != nullptr) dot += distance.bias.row(head)[(distance.bias.columns - 17) / 2 + j - t];
      if (distance.reach > 0 && std::abs(j - t) > distance.reach) dot = -1e300;
      score.push_back(dot * scale);
      max = std::max(max, score.back());
    }
    for (size_t j = 0; j < score.size(); ++j) {
      const double p = std::exp(score[j] - max);
      total += p;
      mixed += p * Q(starts[s] + static_cast<int64_t>(j), 2, head, d);
    }
    return mixed / total;
  }
};

TEST(BidirectionalAttention, CloseToDoublePrecisionForEverySizeOfHeadAndSequence) {
  for (const int64_t head_dim : {1, 8, 16, 17, 32, 64}) {
    const Batch batch({1, 2, 15, 16, 17, 23, 24, 25, 33}, 2, head_dim);
    const float scale = 0.3f;
    ForEachContext([&](const OpContext& context) {
      const std::vector<float> out = batch.Run(context, scale);
      for (int64_t s = 0; s + 1 < static_cast<int64_t>(batch.starts.size()); ++s) {
        for (int64_t t = batch.starts[s]; t < batch.starts[s + 1]; ++t) {
          for (int64_t head = 0; head < 2; ++head) {
            const int64_t d = t % head_dim;
            ASSERT_NEAR(out[t * batch.width() + head * head_dim + d], batch.Exact(s, t, head, d, scale), 2e-5)
                << "sequence " << s << " token " << t << ", " << Name(context);
          }
        }
      }
    });
  }
}

TEST(BidirectionalAttention, EqualBitsOnEveryInstructionSetAndThreadCount) {
  const Batch batch({5, 70, 1, 32}, 3, 32);
  const auto one = cpu::ThreadPool::Shared(1);
  const std::vector<float> reference = batch.Run({one.get(), cpu::IsaLevel::kScalar}, 0.2f);
  ForEachContext(
      [&](const OpContext& context) { EXPECT_TRUE(SameBits(batch.Run(context, 0.2f), reference)) << Name(context); });
}

TEST(BidirectionalAttention, ASequenceDoesNotSeeItsNeighbours) {
  const Batch batch({9, 30, 4}, 2, 16);
  const int64_t width = batch.width(), begin = batch.starts[1], rows = batch.starts[2] - begin;
  ForEachContext([&](const OpContext& context) {
    const std::vector<float> all = batch.Run(context, 0.25f);
    std::vector<float> alone(static_cast<size_t>(rows * width));
    const std::vector<int64_t> starts = {0, rows};
    ASSERT_TRUE(BidirectionalAttention(context, {batch.qkv.data() + begin * 3 * width, rows, 3 * width}, starts, 2,
                                       0.25f, {alone.data(), rows, width})
                    .ok());
    EXPECT_TRUE(SameBits(alone, {all.begin() + begin * width, all.begin() + (begin + rows) * width})) << Name(context);
  });
}

TEST(BidirectionalAttention, ABiasForTheDistanceIsAddedToTheScores) {
  const Batch batch({1, 16, 17, 61}, 2, 8);
  const int64_t longest = 70;  // room for more than the batch has
  const std::vector<float> table = TestRandom(5).Vector(2 * (2 * longest + 15), 3.0f);
  const AttentionDistance distance{.bias = {table.data(), 2, 2 * longest + 15}};
  std::vector<float> first;
  ForEachContext([&](const OpContext& context) {
    const std::vector<float> out = batch.Run(context, 0.3f, distance);
    for (int64_t s = 0; s < 4; ++s) {
      for (int64_t t = batch.starts[s]; t < batch.starts[s + 1]; ++t) {
        for (int64_t i = 0; i < 16; ++i) {
          ASSERT_NEAR(out[t * 16 + i], batch.Exact(s, t, i / 8, i % 8, 0.3f, distance), 2e-5)
              << "sequence " << s << " token " << t << ", " << Name(context);
        }
      }
    }
    if (first.empty()) first = out;
    EXPECT_TRUE(SameBits(out, first)) << Name(context);
  });
}

TEST(BidirectionalAttention, KeysOutOfReachAreNotSeen) {
  const Batch batch({1, 5, 40, 130}, 2, 8);
  for (const int64_t reach : {1, 4, 15, 16, 64, 129, 1000}) {
    const AttentionDistance distance{.reach = reach};
    std::vector<float> first;
    ForEachContext([&](const OpContext& context) {
      const std::vector<float> out = batch.Run(context, 0.3f, distance);
      for (int64_t s = 0; s < 4; ++s) {
        for (int64_t t = batch.starts[s]; t < batch.starts[s + 1]; ++t) {
          const int64_t i = t % 16;
          ASSERT_NEAR(out[t * 16 + i], batch.Exact(s, t, i / 8, i % 8, 0.3f, distance), 2e-5)
              << "reach " << reach << " sequence " << s << " token " << t << ", " << Name(context);
        }
      }
      if (first.empty()) first = out;
      EXPECT_TRUE(SameBits(out, first)) << Name(context);
    });
    // A window that holds the whole text changes no bit.
    if (reach < 130) continue;
    const auto pool = cpu::ThreadPool::Shared(1);
    EXPECT_TRUE(SameBits(first, batch.Run({pool.get(), cpu::BestIsaLevel()}, 0.3f)));
  }
}

TEST(BidirectionalAttention, ALowerTemperatureSharpens) {
  const Batch batch({40}, 1, 16);
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::BestIsaLevel()};
  // softmax(S / tau): tau near zero picks the best key's value alone.
  const std::vector<float> out = batch.Run(context, 0.25f / 0.001f);
  int64_t best = 0;
  double best_score = -1e300;
  for (int64_t j = 0; j < 40; ++j) {
    double dot = 0;
    for (int64_t e = 0; e < 16; ++e) dot += batch.Q(7, 0, 0, e) * batch.Q(j, 1, 0, e);
    if (dot > best_score) {
      best_score = dot;
      best = j;
    }
  }
  for (int64_t d = 0; d < 16; ++d) EXPECT_NEAR(out[7 * 16 + d], batch.Q(best, 2, 0, d), 1e-4);
}

TEST(BidirectionalAttention, WrongShapesAreRefused) {
  const Batch batch({4}, 2, 8);
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::IsaLevel::kScalar};
  std::vector<float> out(64);
  const MatrixView qkv(batch.qkv.data(), 4, 48);
  const MutableMatrix y(out.data(), 4, 16);
  EXPECT_FALSE(BidirectionalAttention(context, qkv, batch.starts, 3, 0.5f, y).ok());
  EXPECT_FALSE(BidirectionalAttention(context, qkv, batch.starts, 0, 0.5f, y).ok());
  EXPECT_FALSE(BidirectionalAttention(context, qkv, batch.starts, 2, 0.0f, y).ok());
  EXPECT_FALSE(BidirectionalAttention(context, qkv, std::vector<int64_t>{0, 3}, 2, 0.5f, y).ok());
  const std::vector<float> table(64);
  const auto with = [&](const AttentionDistance& distance) {
    return BidirectionalAttention(context, qkv, batch.starts, 2, 0.5f, y, distance).ok();
  };
  EXPECT_TRUE(with({.bias = {table.data(), 2, 23}}));
  EXPECT_FALSE(with({.bias = {table.data(), 2, 22}}));
  EXPECT_FALSE(with({.bias = {table.data(), 1, 23}}));
  EXPECT_FALSE(with({.bias = {table.data(), 2, 23}, .reach = 1}));
  EXPECT_FALSE(with({.reach = -1}));
}

}  // namespace
}  // namespace precis::engine
