// Encoders of every family with made-up weights against PyTorch's transformers (golden/make_family_golden.py).
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "family_golden.h"
#include "formats/hf_config.h"
#include "gtest/gtest.h"
#include "models/bert.h"
#include "models/encoder_numerics.h"
#include "ops/relative_position.h"
#include "ops/rotary.h"
#include "test_util.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr const char* kFamilies[] = {"bert",       "roberta",    "xlm-roberta", "mpnet",
                                     "distilbert", "nomic_bert", "modernbert"};

class EncoderFamily_ : public testing::TestWithParam<const char*> {
 protected:
  EncoderFamily_() : golden_(FamilyGolden()["families"][GetParam()]) {}
  const json golden_;
};

TEST_P(EncoderFamily_, HiddenStatesEqualTheReference) {
  const EncoderConfig config = FamilyConfig(golden_);
  const auto encoder = BertEncoder::Load(FamilyFile(GetParam()), config, true);
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  std::vector<int32_t> ids;
  std::vector<int64_t> starts = {0};
  std::vector<float> expected;
  for (const json& one : golden_["cases"]) {
    for (const json& id : one["ids"]) ids.push_back(id);
    for (const float value : Base64Numbers<float>(one["hidden"])) expected.push_back(value);
    starts.push_back(static_cast<int64_t>(ids.size()));
  }
  std::vector<float> first;
  ForEachContext([&](const OpContext& context) {
    BertActivations activations;
    const auto hidden = (*encoder)->Forward(context, ids, starts, 1, CallContext(), &activations);
    ASSERT_TRUE(hidden.ok()) << hidden.status();
    const std::vector<float> all(hidden->data, hidden->data + hidden->rows * hidden->columns);
    ASSERT_EQ(all.size(), expected.size());
    // Every token's vector, and every number.
    double worst = 0, lowest = 1;
    for (size_t row = 0; row < ids.size(); ++row) {
      double dot = 0, aa = 0, bb = 0;
      for (size_t i = row * 16; i < (row + 1) * 16; ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(all[i]) - expected[i]));
        dot += static_cast<double>(all[i]) * expected[i];
        aa += static_cast<double>(all[i]) * all[i];
        bb += static_cast<double>(expected[i]) * expected[i];
      }
      lowest = std::min(lowest, dot / std::sqrt(aa * bb));
    }
    EXPECT_LT(worst, 5e-5) << Name(context);
    EXPECT_GE(lowest, 0.99999) << Name(context);
    RecordProperty("worst_difference", std::to_string(worst));
    if (first.empty()) first = all;
    EXPECT_TRUE(SameBits(all, first)) << Name(context);

    // Each sequence alone gives the same bits.
    for (size_t s = 0; s + 1 < starts.size(); ++s) {
      const std::vector<int64_t> alone = {0, starts[s + 1] - starts[s]};
      const auto one = (*encoder)->Forward(context, std::span(ids).subspan(starts[s], alone[1]), alone, 1,
                                           CallContext(), &activations);
      ASSERT_TRUE(one.ok()) << one.status();
      EXPECT_TRUE(SameBits({one->data, one->data + alone[1] * 16},
                           {all.begin() + starts[s] * 16, all.begin() + starts[s + 1] * 16}))
          << Name(context) << " sequence " << s;
    }
  });
}

TEST_P(EncoderFamily_, IntegersStayNearAndGiveEqualBitsInAnyBatch) {
  const EncoderConfig config = FamilyConfig(golden_);
  const auto numerics = EncoderNumericsOf("int8-v1");
  ASSERT_TRUE(numerics.ok()) << numerics.status();
  const auto encoder = BertEncoder::Load(FamilyFile(GetParam()), config, true, *numerics);
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  std::vector<int32_t> ids;
  std::vector<int64_t> starts = {0};
  std::vector<float> expected;
  for (const json& one : golden_["cases"]) {
    for (const json& id : one["ids"]) ids.push_back(id);
    for (const float value : Base64Numbers<float>(one["hidden"])) expected.push_back(value);
    starts.push_back(static_cast<int64_t>(ids.size()));
  }
  std::vector<float> first;
  ForEachContext([&](const OpContext& context) {
    BertActivations activations;
    const auto hidden = (*encoder)->Forward(context, ids, starts, 1, CallContext(), &activations);
    ASSERT_TRUE(hidden.ok()) << hidden.status();
    const std::vector<float> all(hidden->data, hidden->data + hidden->rows * hidden->columns);
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      dot += static_cast<double>(all[i]) * expected[i];
      aa += static_cast<double>(all[i]) * all[i];
      bb += static_cast<double>(expected[i]) * expected[i];
    }
    // Sixteen random columns: coarser than any real model.
    EXPECT_GE(dot / std::sqrt(aa * bb), 0.995) << Name(context);
    RecordProperty("cosine", std::to_string(dot / std::sqrt(aa * bb)));
    if (first.empty()) first = all;
    EXPECT_TRUE(SameBits(all, first)) << Name(context);
    for (size_t s = 0; s + 1 < starts.size(); ++s) {
      const std::vector<int64_t> alone = {0, starts[s + 1] - starts[s]};
      const auto one = (*encoder)->Forward(context, std::span(ids).subspan(starts[s], alone[1]), alone, 1,
                                           CallContext(), &activations);
      ASSERT_TRUE(one.ok()) << one.status();
      EXPECT_TRUE(SameBits({one->data, one->data + alone[1] * 16},
                           {all.begin() + starts[s] * 16, all.begin() + starts[s + 1] * 16}))
          << Name(context) << " sequence " << s;
    }
  });
}

TEST_P(EncoderFamily_, AMissingOrMisshapenTensorIsNamed) {
  const EncoderConfig config = FamilyConfig(golden_);
  const NamedTensors good = FamilyTensors(GetParam());
  const auto load = [&](const NamedTensors& tensors) {
    return BertEncoder::Load(*SafetensorsFile::FromBytes(SafetensorsBytes(tensors), "tiny"), config, false).status();
  };
  ASSERT_TRUE(load(good).ok()) << load(good);
  int needed = 0;
  for (const auto& [name, tensor] : good) {
    NamedTensors missing = good;
    missing.erase(name);
    const absl::Status lost = load(missing);
    if (lost.ok()) continue;  // a head's
    ++needed;
    EXPECT_EQ(lost.code(), absl::StatusCode::kNotFound);
    // Without the word table nobody knows what stands before the names: the bare name is in the message.
    const std::string bare = name.substr(name.find("embeddings") == std::string::npos ? 0 : name.find("embeddings"));
    EXPECT_THAT(std::string(lost.message()), testing::HasSubstr(bare));

    NamedTensors reshaped = good;
    auto& [shape, values] = reshaped[name];
    values.resize(values.size() / static_cast<size_t>(shape[0]) * static_cast<size_t>(shape[0] + 1));
    shape[0] += 1;
    EXPECT_EQ(load(reshaped).code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(load(reshaped).message()), testing::HasSubstr(name));
  }
  EXPECT_GT(needed, 10);
}

TEST_P(EncoderFamily_, CheckedValuesFindNaNByTensorName) {
  const EncoderConfig config = FamilyConfig(golden_);
  const NamedTensors good = FamilyTensors(GetParam());
  int found = 0;
  for (const auto& [name, tensor] : good) {
    NamedTensors damaged = good;
    damaged[name].second.back() = std::numeric_limits<float>::quiet_NaN();
    const auto file = SafetensorsFile::FromBytes(SafetensorsBytes(damaged), "tiny");
    const auto checked = BertEncoder::Load(*file, config, true);
    if (checked.ok()) continue;  // a head's
    ++found;
    EXPECT_EQ(checked.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(checked.status().message()), testing::HasSubstr("'" + name + "'"));
  }
  EXPECT_GT(found, 10);
}

TEST_P(EncoderFamily_, TextsLongerThanThePositionsAreRefused) {
  const EncoderConfig config = FamilyConfig(golden_);
  const auto encoder = BertEncoder::Load(FamilyFile(GetParam()), config, false);
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const auto pool = cpu::ThreadPool::Shared(1);
  const auto run = [&](int64_t length) {
    BertActivations activations;
    const std::vector<int32_t> ids(static_cast<size_t>(length), 7);
    const std::vector<int64_t> starts = {0, length};
    return (*encoder)
        ->Forward({pool.get(), cpu::BestIsaLevel()}, ids, starts, 1, CallContext(), &activations)
        .status()
        .code();
  };
  EXPECT_EQ(run(config.positions()), absl::StatusCode::kOk);
  EXPECT_EQ(run(config.positions() + 1), absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(, EncoderFamily_, testing::ValuesIn(kFamilies), [](const auto& info) {
  std::string name = info.param;
  std::erase_if(name, [](char c) { return c == '-' || c == '_'; });
  return name;
});

TEST(RelativePosition, BucketsAreThoseOfTheReference) {
  const json golden = FamilyGolden()["mpnet_buckets"];
  int64_t distance = golden["first"];
  for (const json& bucket : golden["buckets"]) {
    EXPECT_EQ(RelativeBucket(distance, 32, 128), bucket.get<int64_t>()) << distance;
    ++distance;
  }
  EXPECT_EQ(distance, 601);
}

TEST(RelativePosition, TheBiasOfADistanceIsItsBucketsNumberTimesTheFactor) {
  std::vector<float> table(32 * 3);
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i);
  const RelativeBias bias = MakeRelativeBias(MatrixView(table.data(), 32, 3), 128, 200, 0.5f);
  for (int64_t distance = -199; distance <= 199; ++distance) {
    for (int64_t head = 0; head < 3; ++head) {
      EXPECT_EQ(bias.view().row(head)[199 + distance],
                0.5f * static_cast<float>(RelativeBucket(distance, 32, 128) * 3 + head));
    }
  }
}

TEST(Rotary, DynamicNtkGrowsTheBaseOnlyPastTheTrainedLength) {
  const RotarySpec spec{.head_dim = 64, .base = 1000, .trained = 2048, .factor = 2};
  EXPECT_EQ(RotaryBase(spec, 1), 1000);
  EXPECT_EQ(RotaryBase(spec, 2048), 1000);
  // 1000 * (2 * 8192 / 2048 - 1) ^ (64 / 62).
  EXPECT_NEAR(RotaryBase(spec, 8192), 1000 * std::pow(7.0, 64.0 / 62.0), 1e-6);
  EXPECT_EQ(RotaryBase({.head_dim = 64, .base = 1000, .trained = 2048}, 8192), 1000);
}

}  // namespace
}  // namespace precis::engine
