// Real encoders against PyTorch's transformers (golden/make_real_encoders_golden.py).
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "family_golden.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "precis/base/file.h"
#include "precis/engine/load_heads.h"
#include "source_file.h"
#include "test_util.h"

namespace precis::engine {
namespace {

using nlohmann::json;

std::string ModelFolder(const std::string& name) {
  const char* models = std::getenv("PRECIS_TEST_MODELS");
  if (models != nullptr && *models != '\0') return std::string(models) + "/" + name;
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.local/share/precis/models/" + name;
}

const json& Golden() {
  static const json golden =
      json::parse(*ReadFile(SourceFile("tests/engine/encoder/golden/real_encoders.json"), int64_t{1} << 20));
  return golden;
}

// Of the values that the golden file has, the first ones.
double Cosine(const std::vector<float>& a, const std::vector<int16_t>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

class RealEncoder : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(ModelFolder(GetParam()))) GTEST_SKIP() << GetParam() << " is not in the models folder";
  }
};

TEST_P(RealEncoder, VectorsEqualTheReferenceAndABatchEqualsEachAlone) {
  const auto embedder = LoadEmbedder(ModelFolder(GetParam()), {});
  ASSERT_TRUE(embedder.ok()) << embedder.status();
  std::vector<std::string> texts;
  for (const json& one : Golden()[GetParam()]) texts.push_back(one["text"]);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto batch = (*embedder)->Embed(views, {}, CallContext());
  ASSERT_TRUE(batch.ok()) << batch.status();
  double worst = 1;
  for (size_t i = 0; i < texts.size(); ++i) {
    const json& one = Golden()[GetParam()][i];
    EXPECT_EQ((*batch)[i].tokens_total, one["tokens"].get<int64_t>()) << texts[i];
    const double cosine = Cosine((*batch)[i].vector, Base64Numbers<int16_t>(one["vector"]));
    EXPECT_GE(cosine, 0.99999) << texts[i];
    worst = std::min(worst, cosine);
  }
  RecordProperty("worst_distance", std::to_string((1 - worst) * 1e9) + "e-9");
  for (size_t i = 2; i < texts.size(); i += 9) {
    const auto alone = (*embedder)->Embed({&views[i], 1}, {}, CallContext());
    EXPECT_TRUE(SameBits((*alone)[0].vector, (*batch)[i].vector)) << texts[i];
  }
}

INSTANTIATE_TEST_SUITE_P(, RealEncoder, testing::Values("all-mpnet-base-v2", "nomic-embed-text-v1.5"),
                         [](const auto& info) {
                           return std::string(info.param).substr(0, 5) == "nomic" ? "Nomic" : "Mpnet";
                         });

TEST(RealSparseEncoder, WordsEqualTheReference) {
  const std::string name = "splade-tiny-msmarco";
  if (!std::filesystem::exists(ModelFolder(name))) GTEST_SKIP() << name << " is not in the models folder";
  const auto sparse = LoadSparseEncoder(ModelFolder(name), {});
  ASSERT_TRUE(sparse.ok()) << sparse.status();
  for (const json& one : Golden()[name]) {
    const std::string text = one["text"];
    const std::string_view view = text;
    const auto vectors = (*sparse)->Encode({&view, 1}, LongInput::kError, CallContext());
    ASSERT_TRUE(vectors.ok()) << vectors.status();
    const SparseVector& vector = vectors->front();
    EXPECT_EQ(vector.tokens_total, one["tokens"].get<int64_t>());
    // A logit that is all but zero may lie on either side.
    EXPECT_NEAR(static_cast<double>(vector.entries.size()), one["entries"].get<double>(), 2) << text;
    double sum = 0;
    for (const SparseEntry& entry : vector.entries) sum += entry.weight;
    EXPECT_NEAR(sum, one["sum"].get<double>(), 1e-3 + 1e-5 * sum) << text;
    for (const json& best : one["best"]) {
      const TokenId token = best[0];
      const auto found = std::find_if(vector.entries.begin(), vector.entries.end(),
                                      [&](const SparseEntry& entry) { return entry.token == token; });
      if (best[1].get<double>() == 0) continue;
      ASSERT_NE(found, vector.entries.end()) << text << " token " << token;
      EXPECT_NEAR(found->weight, best[1].get<double>(), 2e-5) << text << " token " << token;
    }
  }
}

}  // namespace
}  // namespace precis::engine
