// The made-up models of all families: against the reference, and bit by bit against themselves.
#include "models/decoder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "source_file.h"
#include "tiny_model.h"

namespace precis::engine {
namespace {

constexpr int64_t kBudget = 64 << 20;

// Logits after each of `ids`, computed in chunks of the given size.
std::vector<float> AllLogits(Decoder* decoder, const std::vector<TokenId>& ids, size_t chunk_size) {
  KvCache cache(decoder->kv_layout(), kBudget);
  auto sequence = cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
  std::vector<float> out;
  for (size_t i = 0; i < ids.size(); i += chunk_size) {
    const size_t n = std::min(chunk_size, ids.size() - i);
    const DecoderChunk chunk{sequence.get(), std::span(ids).subspan(i, n), static_cast<int64_t>(n)};
    const int64_t rows = decoder->Forward({&chunk, 1}, &cache);
    const auto logits = decoder->Logits(0, rows);
    out.insert(out.end(), logits.begin(), logits.end());
  }
  return out;
}

std::vector<TinyModel> Families() {
  return {{.arch = "llama"}, {.arch = "qwen2"}, {.arch = "gemma3"}, {.arch = "llama", .heads = 7, .kv_heads = 1}};
}

TEST(Decoder, ExactModeMatchesTheReferenceInAllFamilies) {
  std::ifstream in(SourceFile("tests/engine/decoder/golden/tiny.json"));
  const nlohmann::json golden = nlohmann::json::parse(in);
  ASSERT_EQ(golden.size(), 5u);
  for (const auto& g : golden) {
    const TinyModel model{.arch = g["arch"], .linear_scale = g["linear"]};
    for (const cpu::IsaLevel isa : cpu::AvailableIsaLevels()) {
      auto decoder = LoadTiny(model, /*exact=*/true, isa);
      ASSERT_TRUE(decoder.ok()) << decoder.status();
      const std::vector<float> logits = AllLogits(decoder->get(), TinyPrompt(80), 80);
      for (const auto& [position, expected] : g["logits"].items()) {
        for (size_t i = 0; i < expected.size(); ++i) {
          ASSERT_NEAR(logits[static_cast<size_t>(std::stoi(position)) * 272 + i], expected[i].get<float>(), 2e-3)
              << model.arch << " position " << position << " token " << i;
        }
      }
    }
  }
}

// Random weights amplify every rounding; a wrong scale or integer would give a distance near 1.
TEST(Decoder, FastModeIsCloseToExact) {
  for (const TinyModel& model : Families()) {
    auto exact = LoadTiny(model, true), fast = LoadTiny(model, false);
    const auto a = AllLogits(exact->get(), TinyPrompt(70), 70), b = AllLogits(fast->get(), TinyPrompt(70), 70);
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      size += a[i] * a[i];
    }
    EXPECT_LT(std::sqrt(difference / size), 0.12) << model.arch;
    EXPECT_NE(a, b);  // they are two modes
  }
}

TEST(Decoder, PromptInChunksEqualsWholePromptBitwise) {
  for (const TinyModel& model : Families()) {
    for (const bool exact : {true, false}) {
      auto decoder = LoadTiny(model, exact);
      ASSERT_TRUE(decoder.ok()) << decoder.status();
      const std::vector<TokenId> ids = TinyPrompt(150);
      const std::vector<float> whole = AllLogits(decoder->get(), ids, 150);
      for (const size_t size : {1u, 3u, 64u, 100u}) {
        EXPECT_EQ(AllLogits(decoder->get(), ids, size), whole) << model.arch << " in chunks of " << size;
      }
    }
  }
}

TEST(Decoder, ThreadsAndInstructionSetsGiveTheSameBits) {
  for (const TinyModel& model : Families()) {
    for (const bool exact : {true, false}) {
      const std::vector<TokenId> ids = TinyPrompt(90);
      auto first = LoadTiny(model, exact, cpu::IsaLevel::kScalar, 1);
      const std::vector<float> expected = AllLogits(first->get(), ids, 13);
      for (const cpu::IsaLevel isa : cpu::AvailableIsaLevels()) {
        for (const int threads : {1, 2, 3}) {
          auto decoder = LoadTiny(model, exact, isa, threads);
          EXPECT_EQ(AllLogits(decoder->get(), ids, 13), expected)
              << model.arch << " " << cpu::IsaLevelName(isa) << " " << threads;
        }
      }
    }
  }
}

TEST(Decoder, SequenceAloneEqualsSequenceAmongOthersBitwise) {
  for (const TinyModel& model : Families()) {
    auto decoder = LoadTiny(model, false);
    KvCache cache((*decoder)->kv_layout(), kBudget);
    std::vector<std::vector<TokenId>> prompts;
    std::vector<std::unique_ptr<KvSequence>> sequences;
    std::vector<DecoderChunk> chunks;
    for (int64_t i = 0; i < 5; ++i) {
      prompts.push_back(TinyPrompt(20 + 17 * i, 272, i));
      sequences.push_back(cache.Admit("", prompts.back(), 200, 0));
    }
    for (size_t i = 0; i < 5; ++i) chunks.push_back({sequences[i].get(), prompts[i], 1});
    ASSERT_EQ((*decoder)->Forward(chunks, &cache), 5);
    const auto together = (*decoder)->Logits(0, 5);
    const std::vector<float> kept(together.begin(), together.end());
    for (size_t i = 0; i < 5; ++i) {
      const std::vector<float> alone = AllLogits(decoder->get(), prompts[i], prompts[i].size());
      EXPECT_TRUE(std::equal(alone.end() - 272, alone.end(), kept.begin() + static_cast<ptrdiff_t>(i) * 272));
    }
  }
}

TEST(Decoder, StoredTypesRun) {
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ4_0,
                                TensorType::kQ4_1, TensorType::kQ8_0}) {
    auto exact = LoadTiny({.type = type}, true), fast = LoadTiny({.type = type}, false);
    ASSERT_TRUE(exact.ok() && fast.ok()) << TypeName(type);
    const auto a = AllLogits(exact->get(), TinyPrompt(30), 30), b = AllLogits(fast->get(), TinyPrompt(30), 30);
    double difference = 0, size = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      size += a[i] * a[i];
    }
    EXPECT_LT(std::sqrt(difference / size), 0.12) << TypeName(type);
  }
}

TEST(Decoder, DamagedWeightsAreNamedWhenAsked) {
  auto file = MakeTinyModel({.nan_tensor = "blk.3.ffn_up.weight"});
  auto pool = std::make_shared<cpu::ThreadPool>(1);
  auto decoder = Decoder::Load(file, false, cpu::BestIsaLevel(), /*check_weights=*/true, pool);
  ASSERT_EQ(decoder.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(decoder.status().message()).find("'blk.3.ffn_up.weight'"), std::string::npos);
  // Unasked, the NaN reaches the logits: nothing hides it.
  for (const bool exact : {true, false}) {
    auto unchecked = Decoder::Load(file, exact, cpu::BestIsaLevel(), false, pool);
    const auto logits = AllLogits(unchecked->get(), TinyPrompt(3), 3);
    EXPECT_TRUE(std::isnan(logits.back()));
  }
}

TEST(DecoderConfig, WhatIsNotSupportedIsNamed) {
  const auto refused = [](auto change) {
    GgufWriter writer;
    writer.Add("general.architecture", "llama");
    for (const auto& [key, value] : std::map<std::string, uint32_t>{{"block_count", 1},
                                                                    {"embedding_length", 64},
                                                                    {"feed_forward_length", 64},
                                                                    {"attention.head_count", 4},
                                                                    {"context_length", 64}}) {
      writer.Add("llama." + key, value);
    }
    writer.Add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    writer.AddTensor("token_embd.weight", {4, 64}, std::vector<float>(256));
    change(&writer);
    auto file = GgufFile::FromBytes(writer.Finish(), "tiny");
    return std::string(ReadDecoderConfig(**file).status().message());
  };
  EXPECT_EQ(refused([](GgufWriter*) {}), "");
  EXPECT_NE(refused([](GgufWriter* w) { w->Add("llama.rope.scaling.type", "ntk-by-magic"); }).find("'ntk-by-magic'"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) { w->Add("llama.rope.scaling.type", "yarn"); }).find("factor' is missing"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) { w->Add("llama.rope.scaling.type", "longrope"); }).find("rope_factors_short"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) { w->Add("llama.rope.dimension_count", uint32_t{7}); }).find("7 of 16 values"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) { w->Add("llama.rope.freq_base", 0.5f); }).find("rope.freq_base' is 0.5"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) {
              w->AddTensor("rope_freqs.weight", {8}, std::vector<float>{1, 1, 1, 0, 1, 1, 1, 1});
            }).find("holds 0"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) {
              w->AddTensor("rope_freqs.weight", {4}, std::vector<float>(4, 1));
            }).find("'rope_freqs.weight'"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) { w->Add("llama.expert_count", uint32_t{8}); }).find("expert_count"),
            std::string::npos);
  EXPECT_NE(refused([](GgufWriter* w) { w->Add("llama.attention.head_count_kv", uint32_t{3}); }).find("KV heads"),
            std::string::npos);
}

TEST(DecoderConfig, HostileSizesAreRefused) {
  for (const uint32_t layers : {0u, 513u, 0xffffffffu}) {
    GgufWriter writer;
    writer.Add("general.architecture", "llama");
    writer.Add("llama.block_count", layers);
    auto file = GgufFile::FromBytes(writer.Finish(), "tiny");
    EXPECT_EQ(ReadDecoderConfig(**file).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace precis::engine
