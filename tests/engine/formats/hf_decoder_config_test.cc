#include "formats/hf_decoder_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace precis::engine {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

json Llama() {
  return {{"model_type", "llama"},    {"architectures", {"LlamaForCausalLM"}},
          {"hidden_size", 64},        {"intermediate_size", 96},
          {"num_hidden_layers", 2},   {"num_attention_heads", 4},
          {"num_key_value_heads", 2}, {"max_position_embeddings", 128},
          {"vocab_size", 300},        {"rms_norm_eps", 1e-5},
          {"eos_token_id", 2}};
}

absl::StatusOr<HfDecoderConfig> Parse(const json& config) { return ParseHfDecoderConfig(config.dump(), "config.json"); }

void ExpectWrong(const json& config, absl::StatusCode code, const std::string& sentence) {
  const auto parsed = Parse(config);
  EXPECT_EQ(parsed.status().code(), code) << parsed.status();
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(sentence)) << config.dump();
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("'config.json'"));
}

TEST(HfDecoderConfig, WhatIsSaidIsReadAndTheRestHasItsMeaning) {
  json config = Llama();
  auto c = Parse(config);
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->architecture, "LlamaForCausalLM");
  EXPECT_EQ(c->kv_heads, 2);
  EXPECT_EQ(c->head_dim, 16);
  EXPECT_EQ(c->rope.base, 0);  // the family's
  EXPECT_EQ(c->rope.scaling.kind, RopeScalingKind::kNone);
  EXPECT_FALSE(c->tied.has_value());
  EXPECT_FALSE(c->attention_cap.has_value());
  EXPECT_EQ(c->window, 0);
  EXPECT_THAT(c->ends, ElementsAre(2));
  config.erase("num_key_value_heads");
  config["head_dim"] = 32;
  config["sliding_window"] = nullptr;
  config["attn_logit_softcapping"] = nullptr;
  config["tie_word_embeddings"] = true;
  config["eos_token_id"] = {7, 9};
  c = Parse(config);
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->kv_heads, 4);
  EXPECT_EQ(c->head_dim, 32);
  EXPECT_EQ(c->tied, true);
  EXPECT_EQ(c->attention_cap, 0.0);  // said to be none
  EXPECT_THAT(c->ends, ElementsAre(7, 9));
}

TEST(HfDecoderConfig, BothSpellingsOfRopeMeanTheSame) {
  json old_config = Llama(), new_config = Llama();
  old_config["rope_theta"] = 500000.0;
  old_config["rope_scaling"] = {{"rope_type", "llama3"},
                                {"factor", 8.0},
                                {"low_freq_factor", 1.0},
                                {"high_freq_factor", 4.0},
                                {"original_max_position_embeddings", 8192}};
  new_config["rope_parameters"] = old_config["rope_scaling"];
  new_config["rope_parameters"]["rope_theta"] = 500000.0;
  for (const json& config : {old_config, new_config}) {
    const auto c = Parse(config);
    ASSERT_TRUE(c.ok()) << c.status();
    EXPECT_EQ(c->rope.base, 500000.0);
    EXPECT_EQ(c->rope.scaling.kind, RopeScalingKind::kLlama3);
    EXPECT_EQ(c->rope.scaling.factor, 8.0);
    EXPECT_EQ(c->rope.scaling.original_context, 8192);
    EXPECT_EQ(c->local_rope.base, 0);
  }
  json nested = Llama();
  nested["rope_parameters"] = {{"full_attention", {{"rope_type", "linear"}, {"factor", 8}, {"rope_theta", 1e6}}},
                               {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 10000}}}};
  const auto c = Parse(nested);
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->rope.scaling.kind, RopeScalingKind::kLinear);
  EXPECT_EQ(c->rope.base, 1e6);
  EXPECT_EQ(c->local_rope.scaling.kind, RopeScalingKind::kNone);
  EXPECT_EQ(c->local_rope.base, 10000);
}

TEST(HfDecoderConfig, EachNumberHasBoundsAndIsNamed) {
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                          "max_position_embeddings", "vocab_size"}) {
    for (const json& value : {json(0), json(-1), json(1.5), json("12"), json(int64_t{1} << 60), json(~uint64_t{0}),
                              json(nullptr), json(json::array())}) {
      json config = Llama();
      config[key] = value;
      ExpectWrong(config, absl::StatusCode::kInvalidArgument, key);
    }
    json config = Llama();
    config.erase(key);
    ExpectWrong(config, absl::StatusCode::kInvalidArgument, std::string(key) + " is missing");
  }
  const std::pair<const char*, json> wrong[] = {
      {"num_key_value_heads", 5},
      {"num_key_value_heads", 0},
      {"head_dim", -16},
      {"rms_norm_eps", 0},
      {"rms_norm_eps", -1e-5},
      {"rms_norm_eps", "small"},
      {"rms_norm_eps", 1e300},
      {"sliding_window", -1},
      {"sliding_window", 1.5},
      {"max_window_layers", -2},
      {"rope_theta", 0.5},
      {"rope_theta", -1e4},
      {"rope_theta", 1e30},
      {"partial_rotary_factor", 0},
      {"partial_rotary_factor", 1.5},
      {"attn_logit_softcapping", -50},
      {"final_logit_softcapping", 0},
      {"query_pre_attn_scalar", -256},
      {"eos_token_id", -1},
      {"eos_token_id", "</s>"},
      {"tie_word_embeddings", 1},
      {"use_sliding_window", "yes"},
      {"layer_types", json::array()},
      {"layer_types", "full_attention"},
      {"no_rope_layers", {1, 2}},
      {"no_rope_layers", {1}},
      {"no_rope_layer_interval", 0},
      {"sliding_window_pattern", 0},
      {"rope_local_base_freq", -1},
      {"rope_scaling", "linear"},
      {"rope_parameters", 7},
  };
  for (const auto& [key, value] : wrong) {
    json config = Llama();
    config[key] = value;
    ExpectWrong(config, absl::StatusCode::kInvalidArgument, key);
  }
  // JSON has no such numbers; what writes them is refused as a whole.
  for (const char* number : {"NaN", "Infinity", "-Infinity", "1e999"}) {
    std::string text = Llama().dump();
    text.replace(text.find("\"hidden_size\":64"), 16, "\"hidden_size\":" + std::string(number));
    EXPECT_EQ(ParseHfDecoderConfig(text, "config.json").status().code(), absl::StatusCode::kInvalidArgument) << number;
  }
}

TEST(HfDecoderConfig, WrongRopeScalingIsNamed) {
  const auto scaling = [](json value) {
    json config = Llama();
    config["rope_scaling"] = std::move(value);
    return config;
  };
  constexpr auto kWrong = absl::StatusCode::kInvalidArgument;
  ExpectWrong(scaling({{"type", "ntk-by-magic"}}), absl::StatusCode::kUnimplemented, "rope_type is 'ntk-by-magic'");
  ExpectWrong(scaling({{"rope_type", 3}}), kWrong, "rope_type is 3");
  ExpectWrong(scaling({{"type", "linear"}}), kWrong, "factor is missing");
  ExpectWrong(scaling({{"type", "linear"}, {"factor", 0}}), kWrong, "factor is 0");
  ExpectWrong(scaling({{"type", "linear"}, {"factor", -4}}), kWrong, "factor is -4");
  ExpectWrong(scaling({{"type", "linear"}, {"factor", 1e30}}), kWrong, "factor is 1e+30");
  ExpectWrong(scaling({{"type", "dynamic"}, {"factor", 0.5}}), kWrong, "needs at least 1");
  ExpectWrong(scaling({{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 0}}), kWrong,
              "original_max_position_embeddings is 0");
  ExpectWrong(scaling({{"type", "yarn"}, {"factor", 4}, {"beta_fast", "x"}}), kWrong, "beta_fast is 'x'");
  ExpectWrong(scaling({{"type", "llama3"}, {"factor", 8}, {"low_freq_factor", 4}, {"high_freq_factor", 4}}), kWrong,
              "high_freq_factor is 4");
  ExpectWrong(scaling({{"type", "longrope"}, {"long_factor", {1, 2}}}), kWrong, "short_factor is missing");
  ExpectWrong(scaling({{"type", "longrope"}, {"short_factor", {1, 0}}, {"long_factor", {1, 2}}}), kWrong,
              "short_factor is an array of 2");
  ExpectWrong(scaling({{"type", "longrope"}, {"short_factor", {1, 2}}, {"long_factor", "2"}}), kWrong,
              "long_factor is '2'");
}

TEST(HfDecoderConfig, WhatIsNotHereIsNamed) {
  json config = Llama();
  config["quantization_config"] = {{"quant_method", "gptq"}};
  ExpectWrong(config, absl::StatusCode::kUnimplemented, "quantization_config");
  config = Llama();
  config["layer_types"] = {"full_attention", "linear_attention"};
  ExpectWrong(config, absl::StatusCode::kUnimplemented, "'linear_attention'");
  config = Llama();
  config["use_bidirectional_attention"] = true;
  ExpectWrong(config, absl::StatusCode::kUnimplemented, "use_bidirectional_attention");
}

TEST(HfDecoderConfig, BrokenJsonIsRefused) {
  for (const std::string& text : {std::string("{"), std::string(""), std::string("[]"), std::string("7"),
                                  std::string("{\"a\":1,\"a\":2}"), std::string(1 << 20, '[')}) {
    EXPECT_EQ(ParseHfDecoderConfig(text, "config.json").status().code(), absl::StatusCode::kInvalidArgument);
  }
}

class HfFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / ("hf_decoder." + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void Put(const char* name, const std::string& text) { std::ofstream(root_ / name) << text; }
  std::string folder() const { return root_.string(); }
  fs::path root_;
};

TEST_F(HfFolder, TextsEndWhereGenerationConfigSays) {
  const HfDecoderConfig config = *Parse(Llama());
  EXPECT_THAT(*ReadHfEnds(folder(), config.ends), ElementsAre(2));
  Put("generation_config.json", R"({"eos_token_id": [3, 4], "temperature": 0.6})");
  EXPECT_THAT(*ReadHfEnds(folder(), config.ends), ElementsAre(3, 4));
  Put("generation_config.json", R"({"temperature": 0.6})");
  EXPECT_THAT(*ReadHfEnds(folder(), config.ends), ElementsAre(2));
  Put("generation_config.json", R"({"eos_token_id": [3, -4]})");
  EXPECT_EQ(ReadHfEnds(folder(), config.ends).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HfFolder, ChatTemplateIsFoundInEveryPlaceThatIsInUse) {
  EXPECT_EQ(*ReadHfChatTemplate(folder()), "");
  Put("tokenizer_config.json", R"({"chat_template": "one"})");
  EXPECT_EQ(*ReadHfChatTemplate(folder()), "one");
  Put("tokenizer_config.json",
      R"({"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "two"}]})");
  EXPECT_EQ(*ReadHfChatTemplate(folder()), "two");
  Put("chat_template.jinja", "three");
  EXPECT_EQ(*ReadHfChatTemplate(folder()), "three");
}

}  // namespace
}  // namespace precis::engine
