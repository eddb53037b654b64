// Dense layers in integers: exact where exact integers go in, near double precision elsewhere, the same bits
// everywhere.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "ops/dense.h"
#include "test_util.h"

namespace precis::engine {
namespace {

constexpr DensePrecision kIntegers[] = {DensePrecision::kInt8, DensePrecision::kInt16};

int32_t WeightLimit(DensePrecision precision) { return precision == DensePrecision::kInt8 ? 127 : 2047; }
// With as few inputs as here the weights allow 16 bits their largest grid.
int32_t InputLimit(DensePrecision precision) { return precision == DensePrecision::kInt8 ? 127 : 8191; }

struct IntProblem {
  int64_t m, k, n;
  std::vector<float> x, w, bias, residual;
  DenseWeights packed;

  IntProblem(DensePrecision precision, int64_t rows, int64_t inputs, int64_t outputs, std::vector<float> xs,
             std::vector<float> ws)
      : m(rows), k(inputs), n(outputs), x(std::move(xs)), w(std::move(ws)) {
    TestRandom random(static_cast<uint64_t>(m * 1000003 + k * 1009 + n));
    bias = random.Vector(n);
    residual = random.Vector(m * n);
    const MatrixView views[] = {MatrixView(w.data(), n, k)};
    const std::span<const float> biases[] = {bias};
    packed = *DenseWeights::Pack(views, biases, precision);
  }

  static IntProblem Random(DensePrecision precision, int64_t rows, int64_t inputs, int64_t outputs) {
    TestRandom random(static_cast<uint64_t>(rows * 31 + inputs * 7 + outputs));
    std::vector<float> xs = random.Vector(rows * inputs), ws = random.Vector(outputs * inputs);
    return {precision, rows, inputs, outputs, std::move(xs), std::move(ws)};
  }

  std::vector<float> Run(const OpContext& context, PointwiseFn fn = PointwiseFn::kNone, bool add = true) const {
    std::vector<float> y(static_cast<size_t>(m * n), -7.0f);
    const MatrixView r = add ? MatrixView(residual.data(), m, n) : MatrixView();
    EXPECT_TRUE(Dense(context, {x.data(), m, k}, packed, fn, r, {y.data(), m, n}).ok());
    return y;
  }
};

// Whole numbers in [-limit, limit] with one end or both among them, so that the grid is these numbers.
std::vector<float> WholeRows(TestRandom* random, int64_t rows, int64_t columns, int32_t limit, bool both_ends) {
  std::vector<float> v(static_cast<size_t>(rows * columns));
  for (int64_t r = 0; r < rows; ++r) {
    float* row = v.data() + r * columns;
    for (int64_t c = 0; c < columns; ++c) row[c] = std::nearbyint(random->Uniform() * static_cast<float>(limit));
    row[0] = static_cast<float>(limit);
    if (both_ends) row[columns - 1] = static_cast<float>(-limit);
  }
  return v;
}

TEST(DenseInt, WholeNumbersGiveTheExactSumAtEverySize) {
  for (const DensePrecision precision : kIntegers) {
    for (const int64_t k : {2, 3, 4, 5, 15, 17, 64, 97}) {
      for (const int64_t m : {1, 3, 4, 5, 6, 7, 11, 12, 13, 25}) {
        for (const int64_t n : {1, 15, 16, 17, 33}) {
          TestRandom random(static_cast<uint64_t>(k * 100 + m * 10 + n));
          std::vector<float> ws = WholeRows(&random, n, k, WeightLimit(precision), false);
          IntProblem p(precision, m, k, n, WholeRows(&random, m, k, InputLimit(precision), true), std::move(ws));
          ForEachContext([&](const OpContext& context) {
            const std::vector<float> y = p.Run(context);
            for (int64_t i = 0; i < m; ++i) {
              for (int64_t j = 0; j < n; ++j) {
                int64_t sum = 0;
                for (int64_t q = 0; q < k; ++q) {
                  sum += static_cast<int64_t>(p.x[i * k + q]) * static_cast<int64_t>(p.w[j * k + q]);
                }
                const double want = static_cast<double>(sum) + p.bias[j] + p.residual[i * n + j];
                ASSERT_NEAR(y[i * n + j], want, 2e-3 + 2e-7 * std::fabs(want))  // the float's own rounding
                    << m << "x" << k << "x" << n << " at " << i << "," << j << ", " << Name(context);
              }
            }
          });
        }
      }
    }
  }
}

// The largest sums there can be: nothing may saturate or wrap.
TEST(DenseInt, ExtremesDoNotSaturate) {
  for (const DensePrecision precision : kIntegers) {
    constexpr int64_t kInputs = 1536;
    const auto limit = static_cast<float>(WeightLimit(precision));
    for (const float sign : {1.0f, -1.0f}) {
      // All products have the sign `sign`; one more input makes the range symmetric.
      std::vector<float> x(kInputs + 1, 127.0f), w(2 * (kInputs + 1), sign * limit);
      x[kInputs] = -127.0f;
      w[kInputs] = 0;
      for (int64_t q = 0; q <= kInputs; ++q) w[kInputs + 1 + q] = q % 2 == 0 ? limit : -limit;
      const IntProblem p(precision, 1, kInputs + 1, 2, x, w);
      ForEachContext([&](const OpContext& context) {
        const std::vector<float> y = p.Run(context, PointwiseFn::kNone, false);
        const double all = 127.0 * kInputs * limit * sign;
        EXPECT_NEAR(y[0], all, std::fabs(all) * 1e-6) << Name(context);
        EXPECT_NEAR(y[1], -127.0 * limit + p.bias[1], 127.0 * limit * 1e-3) << Name(context);
      });
    }
  }
}

TEST(DenseInt, NearDoublePrecisionByItsNumberOfBits) {
  for (const DensePrecision precision : kIntegers) {
    const IntProblem p = IntProblem::Random(precision, 20, 300, 40);
    ForEachContext([&](const OpContext& context) {
      const std::vector<float> y = p.Run(context);
      double error = 0, size = 0;
      for (int64_t i = 0; i < p.m; ++i) {
        for (int64_t j = 0; j < p.n; ++j) {
          double sum = static_cast<double>(p.bias[j]) + p.residual[i * p.n + j];
          for (int64_t q = 0; q < p.k; ++q) sum += static_cast<double>(p.x[i * p.k + q]) * p.w[j * p.k + q];
          error += (y[i * p.n + j] - sum) * (y[i * p.n + j] - sum);
          size += sum * sum;
        }
      }
      // Uniform numbers in [-1, 1]: steps of 1/127 give an error of 1/127 * sqrt(2 / 12) / sqrt(1 / 3) = 0.56 %.
      EXPECT_LT(std::sqrt(error / size), precision == DensePrecision::kInt8 ? 0.007 : 0.0006) << Name(context);
    });
  }
}

TEST(DenseInt, EqualBitsOnEveryInstructionSetAndThreadCount) {
  for (const DensePrecision precision : kIntegers) {
    for (const PointwiseFn fn : {PointwiseFn::kNone, PointwiseFn::kGelu}) {
      for (const int64_t m : {1, 13, 98}) {
        const IntProblem p = IntProblem::Random(precision, m, 131, 72);
        const auto one = cpu::ThreadPool::Shared(1);
        const std::vector<float> reference = p.Run({one.get(), cpu::IsaLevel::kScalar}, fn);
        ForEachContext([&](const OpContext& context) {
          EXPECT_TRUE(SameBits(p.Run(context, fn), reference)) << Name(context) << " rows " << m;
        });
      }
    }
  }
}

TEST(DenseInt, RowAloneEqualsRowInBatchBitwise) {
  for (const DensePrecision precision : kIntegers) {
    const IntProblem p = IntProblem::Random(precision, 50, 100, 40);
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
}

// Rows that a grid of integers cannot hold well, or at all.
TEST(DenseInt, OddRowsGiveWhatTheyShould) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();
  constexpr int64_t kInputs = 20;
  for (const DensePrecision precision : kIntegers) {
    std::vector<float> x(7 * kInputs, 0.0f);
    const auto row = [&](int64_t r) { return x.begin() + r * kInputs; };
    std::fill(row(1), row(2), 3.5f);   // constant: the centre alone says it
    std::fill(row(2), row(3), 1e30f);  // huge and constant
    for (int64_t q = 0; q < kInputs; ++q) row(3)[q] = q % 2 == 0 ? 1e30f : -1e30f;
    for (int64_t q = 0; q < kInputs; ++q) row(4)[q] = q % 2 == 0 ? 1e-38f : -1e-38f;
    row(5)[7] = kNan;
    row(6)[19] = -kInf;
    TestRandom random(5);
    const IntProblem p(precision, 7, kInputs, 17, x, random.Vector(17 * kInputs));
    ForEachContext([&](const OpContext& context) {
      const std::vector<float> y = p.Run(context, PointwiseFn::kNone, false);
      for (int64_t j = 0; j < 17; ++j) {
        double sum = 0, alternating = 0;
        for (int64_t q = 0; q < kInputs; ++q) {
          sum += p.w[j * kInputs + q];
          alternating += (q % 2 == 0 ? 1 : -1) * p.w[j * kInputs + q];
        }
        EXPECT_EQ(y[j], p.bias[j]) << Name(context);
        EXPECT_NEAR(y[17 + j], 3.5 * sum + p.bias[j], 0.3) << Name(context);
        EXPECT_NEAR(y[2 * 17 + j], 1e30 * sum, 0.1e30) << Name(context);
        EXPECT_NEAR(y[3 * 17 + j], 1e30 * alternating, 0.1e30) << Name(context);
        EXPECT_EQ(y[4 * 17 + j], p.bias[j]) << Name(context);
        EXPECT_FALSE(std::isfinite(y[5 * 17 + j])) << Name(context);
        EXPECT_FALSE(std::isfinite(y[6 * 17 + j])) << Name(context);
      }
    });
  }
}

TEST(DenseInt, OddWeightsGiveWhatTheyShould) {
  for (const DensePrecision precision : kIntegers) {
    TestRandom random(9);
    std::vector<float> w = random.Vector(3 * 10);
    std::fill(w.begin(), w.begin() + 10, 0.0f);  // an output of zeros
    w[25] = std::numeric_limits<float>::quiet_NaN();
    const IntProblem p(precision, 2, 10, 3, random.Vector(2 * 10), w);
    ForEachContext([&](const OpContext& context) {
      const std::vector<float> y = p.Run(context, PointwiseFn::kNone, false);
      for (int64_t i = 0; i < 2; ++i) {
        EXPECT_EQ(y[3 * i], p.bias[0]);
        EXPECT_TRUE(std::isfinite(y[3 * i + 1]));
        EXPECT_TRUE(std::isnan(y[3 * i + 2]));  // named by the embedder
      }
    });
  }
}

TEST(DenseInt, StackedMatricesGiveWhatEachGivesAlone) {
  for (const DensePrecision precision : kIntegers) {
    const IntProblem a = IntProblem::Random(precision, 5, 20, 10), b = IntProblem::Random(precision, 5, 20, 23);
    const MatrixView views[] = {MatrixView(a.w.data(), 10, 20), MatrixView(b.w.data(), 23, 20)};
    const std::span<const float> biases[] = {a.bias, b.bias};
    const DenseWeights both = *DenseWeights::Pack(views, biases, precision);
    ForEachContext([&](const OpContext& context) {
      std::vector<float> y(5 * 33), alone(5 * 23);
      ASSERT_TRUE(Dense(context, {a.x.data(), 5, 20}, both, PointwiseFn::kNone, {}, {y.data(), 5, 33}).ok());
      ASSERT_TRUE(Dense(context, {a.x.data(), 5, 20}, b.packed, PointwiseFn::kNone, {}, {alone.data(), 5, 23}).ok());
      for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 23; ++j) {
          // 16 bits choose the inputs' grid by all outputs.
          EXPECT_NEAR(y[i * 33 + 10 + j], alone[i * 23 + j], precision == DensePrecision::kInt8 ? 0 : 1e-2);
        }
      }
    });
  }
}

TEST(DenseInt, MoreInputsThanTheSumsHoldAreRefused) {
  const std::vector<float> w(65537, 1.0f);
  const MatrixView view(w.data(), 1, 65537);
  const auto status = DenseWeights::Pack({&view, 1}, {}, DensePrecision::kInt8).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("65537"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace precis::engine
