// RoPE and its scalings against transformers' ROPE_INIT_FUNCTIONS (golden/make_rope_golden.py), read as files ask for
// them.
#include "ops/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "../formats/gguf_writer.h"
#include "formats/hf_rope.h"
#include "models/decoder_rope.h"
#include "source_file.h"

namespace precis::engine {
namespace {

using nlohmann::json;
using ops::Rope;
using ops::RopeConfig;

const json& Golden() {
  static const auto* golden = [] {
    std::ifstream in(SourceFile("tests/engine/decoder/golden/rope.json"));
    return new json(json::parse(in));
  }();
  return *golden;
}

// As a config.json asks for it; `served` is the window that the model is loaded with.
RopeConfig FromHf(const json& config, int64_t head_dim, int64_t served) {
  const auto parsed = ParseHfRope(config, "config.json");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const auto rope = ReadHfRope(*parsed, 10000, head_dim, served, "config.json");
  EXPECT_TRUE(rope.ok()) << rope.status();
  return *rope;
}

TEST(Rope, EveryScalingHasTheAnglesOfTransformers) {
  ASSERT_GE(Golden().size(), 20u);
  std::set<std::string> kinds;
  for (const json& g : Golden()) {
    const int64_t head_dim = g["head_dim"], length = g["length"];
    const std::string kind = g["config"]["rope_parameters"]["rope_type"];
    kinds.insert(kind);
    SCOPED_TRACE(kind + " at " + std::to_string(length));
    // LongRoPE chooses by the window, the others have no use for it.
    const Rope rope(FromHf(g["config"], head_dim, length));
    const std::vector<double> expected = g["frequencies"];
    const double factor = g["attention_factor"];
    // The angles of the sequence's last position are what dynamic scaling's frequencies are for.
    std::vector<float> angles(static_cast<size_t>(head_dim));
    rope.Angles(length - 1, angles.data());
    ASSERT_EQ(rope.frequencies().size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      if (kind != "dynamic") {
        EXPECT_NEAR(rope.frequencies()[i] / expected[i], 1, 2e-6) << i;
      }
      const double angle = static_cast<double>(length - 1) * expected[i];
      const double slack = 1e-6 + 2e-6 * angle;  // the reference's frequencies are floats
      EXPECT_NEAR(angles[2 * i], std::cos(angle) * factor, slack * factor) << i;
      EXPECT_NEAR(angles[2 * i + 1], std::sin(angle) * factor, slack * factor) << i;
    }
  }
  EXPECT_EQ(kinds.size(), 6u);
}

TEST(Rope, DynamicScalingGoesByThePositionAlone) {
  json config = {{"max_position_embeddings", 64}, {"rope_scaling", {{"type", "dynamic"}, {"factor", 4.0}}}};
  const Rope scaled(FromHf(config, 32, 64)), plain({.head_dim = 32});
  std::vector<float> a(32), b(32);
  for (const int64_t position : {0, 1, 63}) {
    scaled.Angles(position, a.data());
    plain.Angles(position, b.data());
    EXPECT_EQ(a, b) << position;
  }
  scaled.Angles(64, a.data());
  plain.Angles(64, b.data());
  EXPECT_NE(a, b);
  EXPECT_EQ(a[0], b[0]);  // the fastest pair never changes
}

TEST(Rope, APartOfAHeadIsTurnedAndTheRestLeftAlone) {
  for (const bool interleaved : {false, true}) {
    const Rope rope({.head_dim = 16, .rotary_dim = 12, .interleaved = interleaved});
    std::vector<float> angles(12), x(32), y;
    for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0f + static_cast<float>(i);
    y = x;
    rope.Angles(3, angles.data());
    rope.Apply(angles.data(), 2, y.data());
    for (size_t h = 0; h < 2; ++h) {
      for (size_t i = 0; i < 6; ++i) {
        const size_t p = 16 * h + (interleaved ? 2 * i : i), q = interleaved ? p + 1 : p + 6;
        const double angle = 3 * std::pow(10000.0, -2.0 * static_cast<double>(i) / 12);
        EXPECT_NEAR(y[p], x[p] * std::cos(angle) - x[q] * std::sin(angle), 1e-4);
        EXPECT_NEAR(y[q], x[p] * std::sin(angle) + x[q] * std::cos(angle), 1e-4);
      }
      for (size_t i = 12; i < 16; ++i) EXPECT_EQ(y[16 * h + i], x[16 * h + i]);
    }
  }
}

GgufWriter Header() {
  GgufWriter writer;
  writer.Add("general.architecture", "llama");
  writer.Add("llama.rope.freq_base", 500000.0f);
  return writer;
}

absl::StatusOr<RopeConfig> FromGguf(const GgufWriter& writer, int64_t head_dim, int64_t context) {
  const auto file = GgufFile::FromBytes(writer.Finish(), "rope.gguf");
  EXPECT_TRUE(file.ok()) << file.status();
  return ReadGgufRope(**file, "llama", head_dim, context);
}

// The converter turns Llama 3's rule into a divisor for each pair.
TEST(Rope, GgufDivisorsAreLlama3sRule) {
  for (const json& g : Golden()) {
    if (g["config"]["rope_parameters"]["rope_type"] != "llama3") continue;
    const int64_t head_dim = g["head_dim"];
    const std::vector<double> expected = g["frequencies"];
    std::vector<float> divisors;
    for (size_t i = 0; i < expected.size(); ++i) {
      const double plain = std::pow(500000.0, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
      divisors.push_back(static_cast<float>(plain / expected[i]));
    }
    GgufWriter writer = Header();
    writer.AddTensor("rope_freqs.weight", {head_dim / 2}, divisors);
    const auto config = FromGguf(writer, head_dim, 131072);
    ASSERT_TRUE(config.ok()) << config.status();
    const Rope rope(*config);
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(rope.frequencies()[i] / expected[i], 1, 2e-6);
  }
}

TEST(Rope, GgufYarnIsTransformersYarn) {
  GgufWriter writer = Header();
  writer.Add("llama.rope.scaling.type", "yarn");
  writer.Add("llama.rope.scaling.factor", 4.0f);
  writer.Add("llama.rope.scaling.original_context_length", uint32_t{32768});
  auto config = FromGguf(writer, 128, 32768);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(StretchedContext(config->scaling, 32768), 131072);
  const RopeConfig hf = FromHf({{"max_position_embeddings", 32768},
                                {"rope_theta", 500000.0},
                                {"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}}}},
                               128, 32768);
  EXPECT_EQ(Rope(*config).frequencies(), Rope(hf).frequencies());
  EXPECT_NEAR(config->scaling.attention_factor, hf.scaling.attention_factor, 1e-7);
  writer.Add("llama.rope.scaling.yarn_ext_factor", 0.5f);
  config = FromGguf(writer, 128, 32768);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(config.status().message()).find("yarn_ext_factor' is 0.5"), std::string::npos);
}

TEST(Rope, LongRopeFollowsTheWindow) {
  json config = {{"max_position_embeddings", 4096},
                 {"original_max_position_embeddings", 4096},
                 {"rope_scaling", {{"type", "su"}, {"short_factor", json::array()}, {"long_factor", json::array()}}}};
  for (int i = 0; i < 8; ++i) {
    config["rope_scaling"]["short_factor"].push_back(1.0);
    config["rope_scaling"]["long_factor"].push_back(2.0);
  }
  const Rope within(FromHf(config, 16, 4096));
  EXPECT_EQ(within.frequencies(), Rope({.head_dim = 16}).frequencies());
  EXPECT_DOUBLE_EQ(Rope(FromHf(config, 16, 4097)).frequencies()[3], within.frequencies()[3] / 2);
}

}  // namespace
}  // namespace precis::engine
