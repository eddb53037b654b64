#include "formats/gguf_encoder_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "engine/formats/gguf_writer.h"

namespace precis::engine {
namespace {

using ::testing::HasSubstr;

// The header of a small nomic-bert file; `leave_out` is a key or tensor, `extra` adds what a test wants wrong.
absl::StatusOr<EncoderConfig> Read(
    const std::string& leave_out = "", const std::function<void(GgufWriter*)>& extra = [](GgufWriter*) {},
    const std::string& arch = "nomic-bert") {
  GgufWriter writer;
  writer.Add("general.architecture", arch.c_str());
  const auto number = [&](const char* key, uint32_t value) {
    if (leave_out != key) writer.Add(arch + "." + key, value);
  };
  number("embedding_length", 8);
  number("block_count", 1);
  number("attention.head_count", 2);
  number("feed_forward_length", 12);
  number("context_length", 64);
  number("pooling_type", 1);
  if (leave_out != "attention.layer_norm_epsilon") writer.Add(arch + ".attention.layer_norm_epsilon", 1e-12f);
  if (leave_out != "rope.freq_base") writer.Add(arch + ".rope.freq_base", 1000.0f);
  if (leave_out != "token_embd.weight") writer.AddTensor("token_embd.weight", {10, 8}, std::vector<float>(80));
  if (leave_out != "token_types.weight") writer.AddTensor("token_types.weight", {2, 8}, std::vector<float>(16));
  extra(&writer);
  const auto file = GgufFile::FromBytes(writer.Finish(), "tiny");
  if (!file.ok()) return file.status();
  return ReadGgufEncoderConfig(**file);
}

TEST(GgufEncoderConfig, NomicBert) {
  const auto config = Read();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->family, EncoderFamily::kNomicBert);
  EXPECT_EQ(config->model_type, "nomic-bert");
  EXPECT_EQ(config->hidden_size, 8);
  EXPECT_EQ(config->vocabulary_size, 10);
  EXPECT_EQ(config->type_vocabulary_size, 2);
  EXPECT_EQ(config->rope_base, 1000);
  EXPECT_EQ(config->max_tokens, 64);
  EXPECT_EQ(config->trained_positions, 64);
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_EQ(config->activation, Activation::kSilu);
  EXPECT_FALSE(config->attention_bias);
  EXPECT_FALSE(config->ffn_bias);
}

TEST(GgufEncoderConfig, BertHasBiasesWhereTheFileHas) {
  const auto config = Read(
      "rope.freq_base",
      [](GgufWriter* writer) {
        writer->AddTensor("blk.0.attn_output.bias", {8}, std::vector<float>(8));
        writer->AddTensor("blk.0.ffn_down.bias", {8}, std::vector<float>(8));
      },
      "bert");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->family, EncoderFamily::kBert);
  EXPECT_EQ(config->rope_base, 0);
  EXPECT_EQ(config->activation, Activation::kGelu);
  EXPECT_TRUE(config->attention_bias);
  EXPECT_TRUE(config->ffn_bias);
}

TEST(GgufEncoderConfig, AMissingKeyOrTensorIsNamed) {
  for (const char* key : {"embedding_length", "block_count", "attention.head_count", "feed_forward_length",
                          "context_length", "attention.layer_norm_epsilon", "token_embd.weight"}) {
    const auto config = Read(key);
    ASSERT_FALSE(config.ok()) << key;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(key));
  }
}

TEST(GgufEncoderConfig, WrongValuesAreNamed) {
  const auto wrong = [](const char* key, auto value, absl::StatusCode code, const char* sentence) {
    const auto config = Read(key, [&](GgufWriter* writer) { writer->Add(std::string("nomic-bert.") + key, value); });
    EXPECT_EQ(config.status().code(), code) << config.status();
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(sentence));
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument, kNot = absl::StatusCode::kUnimplemented;
  wrong("embedding_length", uint32_t{0}, kInvalid, "embedding_length is 0");
  wrong("embedding_length", uint32_t{9}, kInvalid, "no multiple");
  wrong("embedding_length", uint32_t{16}, kInvalid, "token_embd.weight");
  wrong("block_count", uint32_t{5000}, kInvalid, "block_count is 5000");
  wrong("attention.head_count", uint32_t{4}, kInvalid, "a head has 2 values");
  wrong("context_length", int32_t{-1}, kInvalid, "context_length is -1");
  wrong("context_length", "long", kInvalid, "context_length");
  wrong("attention.layer_norm_epsilon", 0.0f, kInvalid, "epsilon is 0");
  wrong("attention.causal", true, kNot, "causal is true");
  wrong("expert_count", uint32_t{8}, kNot, "expert_count is 8");
  wrong("pooling_type", uint32_t{4}, kNot, "pooling_type is 4");
  wrong("rope.freq_base", 0.5f, kInvalid, "freq_base is 0.5");
  wrong("rope.scaling.type", "yarn", kNot, "'yarn'");
}

TEST(GgufEncoderConfig, AnotherArchitectureIsNamed) {
  const auto config = Read(
      "", [](GgufWriter*) {}, "jina-bert-v2");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("'jina-bert-v2'"));
}

}  // namespace
}  // namespace precis::engine
