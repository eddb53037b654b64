// Every decoder family, with made-up weights, against PyTorch `transformers` (golden/make_families_golden.py): from a
// Hugging Face folder, and from the GGUF file that llama.cpp's converter makes of it.
#include <gtest/gtest.h>

#include <cmath>

#include "family_model.h"
#include "models/decoder.h"

namespace precis::engine {
namespace {

// Greedy tokens may differ where the reference's two best logits are closer.
constexpr float kNearTie = 1e-3f;

std::unique_ptr<Decoder> Load(const DecoderFiles& files, bool exact, cpu::IsaLevel isa = cpu::BestIsaLevel(),
                              int threads = 1) {
  auto decoder = Decoder::Load(files, exact, isa, /*check_weights=*/true, std::make_shared<cpu::ThreadPool>(threads));
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return decoder.ok() ? *std::move(decoder) : nullptr;
}

// Logits after each token, [tokens][vocabulary].
std::vector<float> AllLogits(Decoder* decoder, const std::vector<TokenId>& ids, size_t chunk) {
  KvCache cache(decoder->kv_layout(), 64 << 20);
  auto sequence = cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
  std::vector<float> out;
  for (size_t i = 0; i < ids.size(); i += chunk) {
    const size_t n = std::min(chunk, ids.size() - i);
    const DecoderChunk c{sequence.get(), std::span(ids).subspan(i, n), static_cast<int64_t>(n)};
    const auto logits = decoder->Logits(0, decoder->Forward({&c, 1}, &cache));
    out.insert(out.end(), logits.begin(), logits.end());
  }
  return out;
}

class Family : public ::testing::TestWithParam<std::string> {
 protected:
  const nlohmann::json& golden() const { return FamilyCase(GetParam()); }
  std::vector<TokenId> Prompt() const {
    std::vector<TokenId> ids;
    for (int64_t i = 0; i < golden()["prompt"]; ++i)
      ids.push_back(static_cast<TokenId>((i * 37 + i * i * 11 + 5) % 300));
    return ids;
  }
  // Positions from `end` on are not compared: a GGUF file may say less than the folder that it was made of.
  void ExpectGoldenLogits(const std::vector<float>& logits, int64_t end) const {
    float most = 0;
    for (const float v : logits) most = std::max(most, std::fabs(v));
    double worst = 0;
    int compared = 0;
    for (const auto& [position, expected] : golden()["logits"].items()) {
      const size_t row = static_cast<size_t>(std::stoi(position)) * 300;
      if (std::stoi(position) >= end) continue;
      for (size_t i = 0; i < expected.size(); ++i) {
        const double difference = std::fabs(logits[row + 13 * i] - expected[i].get<double>());
        EXPECT_FALSE(std::isnan(difference));
        worst = std::max(worst, difference);
        ++compared;
      }
    }
    EXPECT_GT(compared, 0);
    EXPECT_LT(worst, 1e-4 * most) << "the largest logit is " << most;
    RecordProperty("worst_relative_difference", std::to_string(worst / most));
  }
};

TEST_P(Family, FolderGivesTheLogitsOfTransformersInExactMode) {
  for (const char* config : {"config", "old_config"}) {
    SCOPED_TRACE(config);
    const FamilyFolder folder(golden(), {.config = config});
    const auto files = folder.Open();
    ASSERT_TRUE(files.ok()) << files.status();
    const auto decoder = Load(*files, /*exact=*/true);
    ASSERT_NE(decoder, nullptr);
    ExpectGoldenLogits(AllLogits(decoder.get(), Prompt(), Prompt().size()), 1 << 20);
  }
}

TEST_P(Family, ConvertersGgufGivesTheSameLogits) {
  if (golden()["gguf_positions"] == 0) GTEST_SKIP() << "a GGUF file cannot say what this folder says";
  const FamilyFolder folder(golden(), {});
  const auto files = folder.Open();
  ASSERT_TRUE(files.ok()) << files.status();
  const auto gguf = MakeFamilyGguf(golden(), *files);
  ASSERT_NE(gguf, nullptr);
  const auto decoder = Load(gguf, /*exact=*/true);
  ASSERT_NE(decoder, nullptr);
  ExpectGoldenLogits(AllLogits(decoder.get(), Prompt(), Prompt().size()), golden()["gguf_positions"]);
}

TEST_P(Family, GreedyTokensAreThoseOfTransformers) {
  const FamilyFolder folder(golden(), {});
  const auto files = folder.Open();
  ASSERT_TRUE(files.ok()) << files.status();
  const auto decoder = Load(*files, /*exact=*/true);
  ASSERT_NE(decoder, nullptr);
  const std::vector<TokenId> expected = golden()["greedy"];
  KvCache cache(decoder->kv_layout(), 64 << 20);
  std::vector<TokenId> feed = Prompt();
  auto sequence = cache.Admit("", feed, static_cast<int64_t>(feed.size() + expected.size()), 0);
  for (size_t i = 0; i < expected.size(); ++i) {
    const DecoderChunk chunk{sequence.get(), feed, 1};
    const auto logits = decoder->Logits(0, decoder->Forward({&chunk, 1}, &cache));
    const auto best = static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    if (golden()["margins"][i] < kNearTie) break;  // either may win
    ASSERT_EQ(best, expected[i]) << "token " << i;
    feed = {best};
  }
}

TEST_P(Family, FastModeStaysNearExact) {
  const FamilyFolder folder(golden(), {});
  const auto files = folder.Open();
  ASSERT_TRUE(files.ok()) << files.status();
  const auto exact = Load(*files, true), fast = Load(*files, false);
  ASSERT_TRUE(exact != nullptr && fast != nullptr);
  const auto a = AllLogits(exact.get(), Prompt(), 80), b = AllLogits(fast.get(), Prompt(), 80);
  double difference = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  EXPECT_LT(std::sqrt(difference / size), 0.12);  // random weights amplify every rounding
  EXPECT_NE(a, b);
}

// The promise that caches rest on, for the parts that only some families have.
TEST_P(Family, ChunksThreadsAndInstructionSetsGiveTheSameBits) {
  const FamilyFolder folder(golden(), {});
  const auto files = folder.Open();
  ASSERT_TRUE(files.ok()) << files.status();
  for (const bool exact : {true, false}) {
    const auto scalar = Load(*files, exact, cpu::IsaLevel::kScalar);
    ASSERT_NE(scalar, nullptr);
    const std::vector<float> expected = AllLogits(scalar.get(), Prompt(), 80);
    for (const cpu::IsaLevel isa : cpu::AvailableIsaLevels()) {
      const auto decoder = Load(*files, exact, isa, 2);
      EXPECT_EQ(AllLogits(decoder.get(), Prompt(), 7), expected) << cpu::IsaLevelName(isa) << " exact " << exact;
    }
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& c : FamilyCases()) names.push_back(c["name"]);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Family, ::testing::ValuesIn(Names()), [](const auto& info) {
  std::string name = info.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

TEST(Families, AreAllThere) { EXPECT_EQ(Names().size(), 18u); }

// A part that a family has changes its logits: a test above that could not see it would be worth nothing.
TEST(Families, EveryPartMatters) {
  const std::pair<const char*, nlohmann::json> cases[] = {
      {"gemma2", {{"attn_logit_softcapping", 6.0}}},
      {"gemma2", {{"final_logit_softcapping", nullptr}}},
      {"gemma2", {{"sliding_window", 15}}},
      {"gemma2-scalar", {{"query_pre_attn_scalar", 12}}},
      {"gemma3", {{"layer_types", nullptr}, {"sliding_window_pattern", 3}}},
      {"mistral", {{"sliding_window", 17}}},
      {"qwen2-window", {{"layer_types", nullptr}, {"max_window_layers", 2}}},
      {"qwen2-window", {{"use_sliding_window", false}}},
      {"phi3-long", {{"rope_parameters", {{"partial_rotary_factor", 0.75}, {"long_factor", {1, 1, 1, 1, 1, 1}}}}}},
      {"phi3-long", {{"max_position_embeddings", 32}}},
      {"phi3-window", {{"sliding_window", nullptr}}},
      {"smollm3", {{"no_rope_layers", {1, 1, 1, 1, 1}}}},
      {"llama3", {{"rope_parameters", {{"factor", 2.0}}}}},
      {"llama-yarn", {{"rope_parameters", {{"attention_factor", 1.0}}}}},
      {"llama-yarn", {{"rope_parameters", {{"factor", 2.0}}}}},
      {"llama-dynamic", {{"rope_parameters", {{"factor", 2.0}}}}},
  };
  for (const auto& [name, changes] : cases) {
    SCOPED_TRACE(std::string(name) + " " + changes.dump());
    std::vector<TokenId> ids;
    for (int64_t i = 0; i < 64; ++i) ids.push_back(static_cast<TokenId>((i * 37 + 5) % 300));
    const FamilyFolder as_it_is(FamilyCase(name), {}), changed(FamilyCase(name), {.changes = changes});
    const auto a = as_it_is.Open(), b = changed.Open();
    ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
    const auto x = AllLogits(Load(*a, true).get(), ids, 64), y = AllLogits(Load(*b, true).get(), ids, 64);
    float difference = 0, most = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      difference = std::max(difference, std::fabs(x[i] - y[i]));
      most = std::max(most, std::fabs(x[i]));
    }
    EXPECT_GT(difference, 1e-2f * most);
  }
}

TEST(Families, HalfPrecisionAndPartsAreReadAsTheyAre) {
  const nlohmann::json& golden = FamilyCase("gemma2");
  for (const TensorType type : {TensorType::kBF16, TensorType::kF16}) {
    const FamilyFolder rounded(golden, {.type = type, .rounded = true});
    const std::vector<float> expected = AllLogits(Load(*rounded.Open(), true).get(), TinyPrompt(40), 40);
    for (const int parts : {1, 3}) {
      const FamilyFolder stored(golden, {.type = type, .parts = parts});
      EXPECT_EQ(AllLogits(Load(*stored.Open(), true).get(), TinyPrompt(40), 40), expected)
          << TypeName(type) << " in " << parts << " parts";
    }
  }
}

TEST(Families, WhatDoesNotFitIsNamed) {
  const auto refused = [](const char* name, const FolderOptions& options) {
    const FamilyFolder folder(FamilyCase(name), options);
    const auto files = folder.Open();
    if (!files.ok()) return files.status();
    const auto config = files->ReadConfig();
    if (!config.ok()) return config.status();
    const absl::Status headers = CheckDecoderTensors(*files, *config, false);
    const auto decoder = Decoder::Load(*files, false, cpu::BestIsaLevel(), false, std::make_shared<cpu::ThreadPool>(1));
    // What the headers show is what loading meets.
    EXPECT_EQ(headers, decoder.status());
    return headers;
  };
  EXPECT_EQ(refused("qwen3", {}), absl::OkStatus());
  const struct {
    const char* family;
    FolderOptions options;
    absl::StatusCode code;
    const char* sentence;
  } cases[] = {
      {"qwen3",
       {.without = {"model.layers.1.self_attn.k_norm.weight"}},
       absl::StatusCode::kNotFound,
       "'model.layers.1.self_attn.k_norm.weight'"},
      {"qwen3", {.without = {"lm_head.weight"}}, absl::StatusCode::kNotFound, "'lm_head.weight'"},
      {"phi3",
       {.without = {"model.layers.2.mlp.gate_up_proj.weight"}},
       absl::StatusCode::kNotFound,
       "'model.layers.2.mlp.gate_up_proj.weight'"},
      {"gemma2",
       {.reshape = {{"model.layers.0.mlp.down_proj.weight", {64, 95}}}},
       absl::StatusCode::kInvalidArgument,
       "'model.layers.0.mlp.down_proj.weight'"},
      {"llama2", {.reshape = {{"model.norm.weight", {65}}}}, absl::StatusCode::kInvalidArgument, "'model.norm.weight'"},
      {"llama2", {.changes = {{"vocab_size", 301}}}, absl::StatusCode::kInvalidArgument, "[301, 64]"},
      // A layer less in the configuration leaves weights that nobody would read.
      {"llama2", {.changes = {{"num_hidden_layers", 2}}}, absl::StatusCode::kUnimplemented, "'model.layers.2."},
      {"llama2", {.changes = {{"model_type", "mamba"}}}, absl::StatusCode::kUnimplemented, "'mamba'"},
      {"llama2",
       {.changes = {{"architectures", {"LlamaForSequenceClassification"}}}},
       absl::StatusCode::kUnimplemented,
       "'LlamaForSequenceClassification'"},
      {"llama2", {.changes = {{"hidden_act", "relu"}}}, absl::StatusCode::kUnimplemented, "'relu'"},
      {"llama2", {.changes = {{"attention_bias", true}}}, absl::StatusCode::kUnimplemented, "attention_bias"},
      {"llama2", {.changes = {{"head_dim", 24}}}, absl::StatusCode::kUnimplemented, "24 keys"},
      {"llama2", {.changes = {{"num_key_value_heads", 3}}}, absl::StatusCode::kUnimplemented, "3 KV heads"},
      {"llama2", {.changes = {{"intermediate_size", 100}}}, absl::StatusCode::kUnimplemented, "multiples of 16"},
      {"phi3-long",
       {.changes = {{"rope_parameters", {{"partial_rotary_factor", 0.7}}}}},
       absl::StatusCode::kUnimplemented,
       "11 of 16 values"},
      {"phi3-long",
       {.changes = {{"rope_parameters", {{"short_factor", {1, 2}}}}}},
       absl::StatusCode::kInvalidArgument,
       "short_factor has 2"},
  };
  for (const auto& c : cases) {
    const absl::Status status = refused(c.family, c.options);
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_NE(std::string(status.message()).find(c.sentence), std::string::npos) << status << " lacks " << c.sentence;
  }
}

// Whatever a config.json says, either it is refused or everything that it says lies within bounds.
TEST(Families, MutatedConfigurationsAreRefusedOrWithinBounds) {
  const std::vector<std::string> values = {
      "0",    "-1",    "1",    "1e300", "-1e-300", "4294967296", "18446744073709551615",
      "null", "true",  "\"\"", "[]",    "{}",      "0.5",        "[1e9,-1]",
      "NaN",  "1e999", "16",   "3",     "1048576", "\"yarn\"",   "\"longrope\""};
  uint64_t random = 1;
  const auto next = [&random](size_t n) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(random >> 33) % n;
  };
  int accepted = 0, refused = 0;
  for (const auto& golden : FamilyCases()) {
    for (int round = 0; round < 400; ++round) {
      std::string text = golden[round % 2 == 0 ? "config" : "old_config"].dump();
      for (size_t change = 0; change <= next(3); ++change) {
        if (next(4) == 0) {  // any byte
          text[next(text.size())] = static_cast<char>(next(256));
          continue;
        }
        size_t colon = text.find(':', next(text.size()));  // a whole value
        if (colon == std::string::npos) colon = text.find(':');
        const size_t end = text.find_first_of(",}", colon);
        if (colon != std::string::npos && end != std::string::npos) {
          text.replace(colon + 1, end - colon - 1, values[next(values.size())]);
        }
      }
      const auto parsed = ParseHfDecoderConfig(text, "config.json");
      const auto config = parsed.ok() ? ReadDecoderConfig(*parsed) : parsed.status();
      if (!config.ok()) {
        ++refused;
        EXPECT_FALSE(config.status().message().empty());
        continue;
      }
      ++accepted;
      const DecoderConfig& c = *config;
      ASSERT_TRUE(c.layers >= 1 && c.layers <= 512 && c.hidden >= 16 && c.hidden <= 65536 && c.ffn >= 16) << text;
      ASSERT_TRUE(c.heads >= 1 && c.kv_heads >= 1 && c.heads % c.kv_heads == 0 && c.head_dim <= 256) << text;
      ASSERT_TRUE(c.context >= 1 && c.context <= 1 << 20 && c.vocabulary <= 1 << 22 && c.norm_eps > 0) << text;
      ASSERT_TRUE(c.window == 0 || c.local.size() == static_cast<size_t>(c.layers)) << text;
      ASSERT_TRUE(c.no_rope.empty() || c.no_rope.size() == static_cast<size_t>(c.layers)) << text;
      ASSERT_TRUE(c.attention_scale > 0 && std::isfinite(c.attention_scale) && c.attention_cap >= 0) << text;
      for (const ops::RopeConfig& rope : {c.rope, c.local_rope}) {
        std::vector<float> angles(static_cast<size_t>(c.head_dim));
        ops::Rope(rope).Angles(c.context - 1, angles.data());
        for (const float a : angles) ASSERT_TRUE(std::isfinite(a)) << text;
      }
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(refused, 500);
}

// Old checkpoints carry RoPE's frequencies, some programs write tied matrices twice: neither is another model.
TEST(Families, TensorsThatSayNothingNewAreIgnored) {
  const nlohmann::json& golden = FamilyCase("llama3");
  nlohmann::json more = golden;
  more["tensors"]["lm_head.weight"] = {300, 64};
  more["tensors"]["model.layers.0.self_attn.rotary_emb.inv_freq"] = {8};
  const FamilyFolder plain(golden, {}), wordy(more, {});
  const auto a = Load(*plain.Open(), true), b = Load(*wordy.Open(), true);
  ASSERT_TRUE(a != nullptr && b != nullptr);
  EXPECT_EQ(a->parameters(), b->parameters());
  EXPECT_EQ(AllLogits(a.get(), TinyPrompt(9), 9), AllLogits(b.get(), TinyPrompt(9), 9));
}

}  // namespace
}  // namespace precis::engine
