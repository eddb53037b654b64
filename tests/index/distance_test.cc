// Distance kernels against a plain double-precision twin, and against each other.
#include "search/distance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "hwy/targets.h"
#include "search/slot_table.h"
#include "search/vector_search.h"

namespace precis::index {
namespace {

struct Data {
  std::unique_ptr<SlotTable> table;
  std::vector<float> query;
};

Data MakeData(int dimensions, int rows) {
  std::mt19937 rng(static_cast<uint32_t>(dimensions));
  std::normal_distribution<float> normal;
  Data data{std::make_unique<SlotTable>(dimensions), {}};
  std::vector<float> vectors(static_cast<size_t>(dimensions * rows));
  for (float& value : vectors) value = normal(rng);
  for (int d = 0; d < dimensions; ++d) data.query.push_back(normal(rng));
  const std::vector<uint32_t> lengths(static_cast<size_t>(rows), 1);
  data.table->Append(std::make_shared<DocumentEntry>(), vectors, lengths, 1);
  return data;
}

TEST(DistanceTest, AgreesWithDoublesOnEveryInstructionSetBitByBit) {
  for (int dimensions : {1, 15, 16, 17, 64, 384, 385, 1024}) {
    for (int rows : {1, 3, 4, 9}) {
      const Data data = MakeData(dimensions, rows);
      const SlotView view = data.table->View(1);
      const QueryVector query(data.query, view.stride());
      std::vector<std::vector<float>> results;
      // FMA is what makes the bits equal; older instruction sets round twice.
      for (int64_t target : {int64_t{0}, static_cast<int64_t>(HWY_AVX2)}) {
        if (target != 0 && (hwy::SupportedTargets() & target) == 0) continue;
        hwy::SetSupportedTargetsForTest(target);
        std::vector<float> dot(static_cast<size_t>(rows)), l2(dot);
        Similarities(Metric::kCosine, query.data(), view.vector(0), view.stride(), dot.size(), dot.data());
        Similarities(Metric::kL2, query.data(), view.vector(0), view.stride(), l2.size(), l2.data());
        for (int row = 0; row < rows; ++row) {
          double expected_dot = 0, expected_l2 = 0;
          for (int d = 0; d < dimensions; ++d) {
            const double q = data.query[static_cast<size_t>(d)], v = view.vector(static_cast<uint32_t>(row))[d];
            expected_dot += q * v;
            expected_l2 -= (q - v) * (q - v);
          }
          EXPECT_NEAR(dot[static_cast<size_t>(row)], expected_dot, 1e-5 * dimensions);
          EXPECT_NEAR(l2[static_cast<size_t>(row)], expected_l2, 1e-5 * dimensions);
        }
        dot.insert(dot.end(), l2.begin(), l2.end());
        results.push_back(dot);
      }
      hwy::SetSupportedTargetsForTest(0);
      for (const auto& result : results) EXPECT_EQ(result, results[0]);
    }
  }
}

}  // namespace
}  // namespace precis::index
