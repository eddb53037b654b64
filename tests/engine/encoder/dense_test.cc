#include "ops/dense.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "test_util.h"

namespace precis::engine {
namespace {

struct Problem {
  int64_t m, k, n;
  std::vector<float> x, w, bias, residual;
  DenseWeights packed;

  Problem(int64_t rows, int64_t inputs, int64_t outputs) : m(rows), k(inputs), n(outputs) {
    TestRandom random(static_cast<uint64_t>(m * 1000003 + k * 1009 + n));
    x = random.Vector(m * k);
    w = random.Vector(n * k);
    bias = random.Vector(n);
    residual = random.Vector(m * n);
    const MatrixView views[] = {MatrixView(w.data(), n, k)};
    const std::span<const float> biases[] = {bias};
    packed = *DenseWeights::Pack(views, biases);
  }

  std::vector<float> Run(const OpContext& context, PointwiseFn fn = PointwiseFn::kNone, bool add = true) const {
    std::vector<float> y(static_cast<size_t>(m * n), -7.0f);
    const MatrixView r = add ? MatrixView(residual.data(), m, n) : MatrixView();
    EXPECT_TRUE(Dense(context, {x.data(), m, k}, packed, fn, r, {y.data(), m, n}).ok());
    return y;
  }
};

// Tiles have up to 12 rows and 32 columns; blocks 96 rows and 64 columns.
constexpr int64_t kRows[] = {1, 2, 3, 5, 6, 7, 11, 12, 13, 25, 97};
constexpr int64_t kOutputs[] = {1, 15, 16, 17, 31, 32, 33, 48, 65};
constexpr int64_t kInputs[] = {0, 1, 2, 7, 33};

TEST(Dense, CloseToDoublePrecisionAtEverySize) {
  ForEachContext([](const OpContext& context) {
    for (const int64_t m : kRows) {
      for (const int64_t n : kOutputs) {
        for (const int64_t k : kInputs) {
          const Problem p(m, k, n);
          const std::vector<float> y = p.Run(context);
          for (int64_t i = 0; i < m; ++i) {
            for (int64_t j = 0; j < n; ++j) {
              double sum = static_cast<double>(p.bias[j]) + p.residual[i * n + j];
              for (int64_t q = 0; q < k; ++q) sum += static_cast<double>(p.x[i * k + q]) * p.w[j * k + q];
              ASSERT_NEAR(y[i * n + j], sum, 1e-5)
                  << m << "x" << k << "x" << n << " at " << i << "," << j << ", " << Name(context);
            }
          }
        }
      }
    }
  });
}

TEST(Dense, EqualBitsOnEveryInstructionSetAndThreadCount) {
  for (const PointwiseFn fn : {PointwiseFn::kNone, PointwiseFn::kGelu}) {
    for (const int64_t m : {1, 13, 98}) {
      const Problem p(m, 129, 72);
      const auto one = cpu::ThreadPool::Shared(1);
      const std::vector<float> reference = p.Run({one.get(), cpu::IsaLevel::kScalar}, fn);
      ForEachContext([&](const OpContext& context) {
        EXPECT_TRUE(SameBits(p.Run(context, fn), reference)) << Name(context) << " rows " << m;
      });
    }
  }
}

TEST(Dense, RowAloneEqualsRowInBatchBitwise) {
  const Problem p(50, 100, 40);
  ForEachContext([&](const OpContext& context) {
    const std::vector<float> all = p.Run(context, PointwiseFn::kGelu, false);
    for (int64_t i = 0; i < p.m; ++i) {
      std::vector<float> y(40);
      ASSERT_TRUE(
          Dense(context, {p.x.data() + i * 100, 1, 100}, p.packed, PointwiseFn::kGelu, {}, {y.data(), 1, 40}).ok());
      EXPECT_TRUE(SameBits(y, {all.begin() + i * 40, all.begin() + (i + 1) * 40})) << Name(context) << " row " << i;
    }
  });
}

TEST(Dense, StackedMatricesGiveWhatEachGivesAlone) {
  const Problem a(5, 20, 10), b(5, 20, 23);
  const MatrixView views[] = {MatrixView(a.w.data(), 10, 20), MatrixView(b.w.data(), 23, 20)};
  const std::span<const float> biases[] = {a.bias, b.bias};
  const DenseWeights both = *DenseWeights::Pack(views, biases);
  ASSERT_EQ(both.outputs(), 33);
  ForEachContext([&](const OpContext& context) {
    std::vector<float> y(5 * 33), alone(5 * 23);
    ASSERT_TRUE(Dense(context, {a.x.data(), 5, 20}, both, PointwiseFn::kNone, {}, {y.data(), 5, 33}).ok());
    ASSERT_TRUE(Dense(context, {a.x.data(), 5, 20}, b.packed, PointwiseFn::kNone, {}, {alone.data(), 5, 23}).ok());
    for (int i = 0; i < 5; ++i) {
      for (int j = 0; j < 23; ++j) EXPECT_EQ(y[i * 33 + 10 + j], alone[i * 23 + j]);
    }
  });
}

TEST(Dense, ResidualMayBeTheOutput) {
  const Problem p(9, 33, 20);
  ForEachContext([&](const OpContext& context) {
    std::vector<float> y = p.residual;
    const MutableMatrix view(y.data(), 9, 20);
    ASSERT_TRUE(Dense(context, {p.x.data(), 9, 33}, p.packed, PointwiseFn::kNone, view, view).ok());
    EXPECT_TRUE(SameBits(y, p.Run(context)));
  });
}

TEST(Dense, ShapesThatDoNotFitAreRefusedWithBothNumbers) {
  const Problem p(3, 8, 4);
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::IsaLevel::kScalar};
  std::vector<float> y(100);
  const auto status = Dense(context, {p.x.data(), 3, 7}, p.packed, PointwiseFn::kNone, {}, {y.data(), 3, 4});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("[4, 8]"), absl::string_view::npos) << status;
  EXPECT_FALSE(Dense(context, {p.x.data(), 3, 8}, p.packed, PointwiseFn::kNone, {}, {y.data(), 2, 4}).ok());
  EXPECT_FALSE(
      Dense(context, {p.x.data(), 3, 8}, p.packed, PointwiseFn::kNone, MatrixView(y.data(), 3, 5), {y.data(), 3, 4})
          .ok());
  const MatrixView two[] = {MatrixView(p.w.data(), 4, 8), MatrixView(p.w.data(), 4, 7)};
  EXPECT_FALSE(DenseWeights::Pack(two, {}).ok());
  EXPECT_FALSE(DenseWeights::Pack({}, {}).ok());
}

}  // namespace
}  // namespace precis::engine
