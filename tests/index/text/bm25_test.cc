#include "precis/text/bm25.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "source_file.h"

namespace precis::text {
namespace {

std::vector<std::string_view> Views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

TEST(Bm25, EqualsTheReference) {
  std::ifstream file(SourceFile("tests/index/text/golden/bm25.json"));
  const auto golden = nlohmann::json::parse(file);
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const auto queries = golden["queries"].get<std::vector<std::string>>();
  const Bm25Parameters parameters = {golden["k1"], golden["b"]};
  const AnalyzerOptions plain = {.stem = false, .split_identifiers = false};
  ASSERT_GT(queries.size(), 20u);
  for (size_t q = 0; q < queries.size(); ++q) {
    const std::vector<double> scores = Bm25Scores(queries[q], Views(texts), plain, parameters);
    ASSERT_EQ(scores.size(), texts.size());
    for (size_t t = 0; t < texts.size(); ++t) {
      EXPECT_NEAR(scores[t], golden["scores"][q][t].get<double>(), 1e-5) << queries[q] << " / " << texts[t];
    }
  }
}

TEST(Bm25, NoTermOfTheQueryGivesExactlyZero) {
  const std::vector<std::string> texts = {"the cat sat", "", "a dog barked", "!!!"};
  const std::vector<double> scores = Bm25Scores("cats", Views(texts));
  EXPECT_GT(scores[0], 0);
  EXPECT_EQ(scores[1], 0);
  EXPECT_EQ(scores[2], 0);
  EXPECT_EQ(scores[3], 0);
}

TEST(Bm25, EmptyInputsGiveZeros) {
  EXPECT_TRUE(Bm25Scores("cat", {}).empty());
  const std::vector<std::string> texts = {"", " "};
  EXPECT_EQ(Bm25Scores("cat", Views(texts)), (std::vector<double>{0, 0}));
  EXPECT_EQ(Bm25Scores("", Views({"cat"})), std::vector<double>{0});
}

TEST(Bm25, ATermInEveryTextStillCounts) {
  EXPECT_GT(Bm25Idf(10, 10), 0);
  EXPECT_NEAR(Bm25Idf(10, 2), std::log(1 + 8.5 / 2.5), 1e-12);
}

}  // namespace
}  // namespace precis::text
