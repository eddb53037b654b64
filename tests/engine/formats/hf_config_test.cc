#include "formats/hf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace precis::engine {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json BertConfig() {
  return {{"model_type", "bert"},
          {"architectures", {"BertModel"}},
          {"hidden_size", 32},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"intermediate_size", 64},
          {"max_position_embeddings", 128},
          {"vocab_size", 100},
          {"type_vocab_size", 2},
          {"layer_norm_eps", 1e-12},
          {"hidden_act", "gelu"}};
}

json Modules(std::initializer_list<const char*> types) {
  json modules = json::array();
  for (const char* type : types) modules.push_back({{"type", std::string("sentence_transformers.models.") + type}});
  return modules;
}

HfConfigTexts Texts(const json& config) { return {.config = config.dump(), .origin = "folder"}; }

void ExpectWrong(const HfConfigTexts& texts, absl::StatusCode code, const char* sentence) {
  const auto config = ParseHfEncoderConfig(texts);
  EXPECT_EQ(config.status().code(), code) << config.status();
  EXPECT_THAT(std::string(config.status().message()), HasSubstr(sentence));
}

TEST(HfConfig, ABareConfigMeansMeanPoolingNormalisedAndTheWholeWindow) {
  const auto config = ParseHfEncoderConfig(Texts(BertConfig()));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->hidden_size, 32);
  EXPECT_EQ(config->layers, 2);
  EXPECT_EQ(config->attention_heads, 4);
  EXPECT_EQ(config->intermediate_size, 64);
  EXPECT_EQ(config->vocabulary_size, 100);
  EXPECT_EQ(config->type_vocabulary_size, 2);
  EXPECT_EQ(config->layer_norm_eps, 1e-12);
  EXPECT_EQ(config->architecture, "BertModel");
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->max_tokens, 128);
}

TEST(HfConfig, SentenceTransformersFilesDecidePoolingNormalisationAndWindow) {
  HfConfigTexts texts = Texts(BertConfig());
  texts.modules = Modules({"Transformer", "Pooling"}).dump();
  texts.pooling = json{{"pooling_mode_cls_token", true}, {"pooling_mode_mean_tokens", false}}.dump();
  texts.sentence_bert = json{{"max_seq_length", 64}}.dump();
  const auto config = ParseHfEncoderConfig(texts);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->pooling, Pooling::kCls);
  EXPECT_FALSE(config->normalize);
  EXPECT_EQ(config->max_tokens, 64);
}

TEST(HfConfig, TheWindowNeverExceedsThePositions) {
  HfConfigTexts texts = Texts(BertConfig());
  texts.sentence_bert = json{{"max_seq_length", 4096}}.dump();
  EXPECT_EQ(ParseHfEncoderConfig(texts)->max_tokens, 128);
}

TEST(HfConfig, EachNumberHasBoundsAndIsNamed) {
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                          "max_position_embeddings", "vocab_size"}) {
    for (const json& value : {json(0), json(-1), json(1.5), json("12"), json(int64_t{1} << 60), json(~uint64_t{0}),
                              json(nullptr), json(json::array())}) {
      SCOPED_TRACE(std::string(key) + " " + value.dump());
      json config = BertConfig();
      config[key] = value;
      ExpectWrong(Texts(config), absl::StatusCode::kInvalidArgument, key);
    }
    json config = BertConfig();
    config.erase(key);
    ExpectWrong(Texts(config), absl::StatusCode::kInvalidArgument, "is missing");
  }
}

TEST(HfConfig, WhatNoEncoderHereHasIsNamed) {
  const std::tuple<const char*, json, absl::StatusCode, const char*> cases[] = {
      {"model_type", "t5", absl::StatusCode::kUnimplemented, "model_type is 't5'"},
      {"position_embedding_type", "relative_key", absl::StatusCode::kUnimplemented, "'relative_key'"},
      {"is_decoder", true, absl::StatusCode::kUnimplemented, "is_decoder"},
      {"hidden_act", "mish", absl::StatusCode::kUnimplemented, "'mish'"},
      {"hidden_act", 3, absl::StatusCode::kInvalidArgument, "hidden_act is 3"},
      {"layer_norm_eps", 0, absl::StatusCode::kInvalidArgument, "layer_norm_eps is 0"},
      {"layer_norm_eps", "x", absl::StatusCode::kInvalidArgument, "layer_norm_eps is 'x'"},
      {"num_attention_heads", 5, absl::StatusCode::kInvalidArgument, "hidden_size 32 is no multiple"},
  };
  for (const auto& [key, value, code, sentence] : cases) {
    SCOPED_TRACE(key);
    json config = BertConfig();
    config[key] = value;
    ExpectWrong(Texts(config), code, sentence);
  }
}

TEST(HfConfig, AStepThatWouldBeLeftOutIsAnError) {
  HfConfigTexts texts = Texts(BertConfig());
  texts.modules = Modules({"Transformer", "Pooling", "Dense"}).dump();
  ExpectWrong(texts, absl::StatusCode::kUnimplemented, "models.Dense");
  texts.modules = Modules({"Transformer", "Pooling"}).dump();
  ExpectWrong(texts, absl::StatusCode::kInvalidArgument, "1_Pooling/config.json' is missing");
  texts.pooling = json{{"pooling_mode_mean_tokens", true}, {"pooling_mode_max_tokens", true}}.dump();
  ExpectWrong(texts, absl::StatusCode::kUnimplemented, "joins the poolings");
  texts.pooling = json{{"pooling_mode_lasttoken", true}}.dump();
  ExpectWrong(texts, absl::StatusCode::kUnimplemented, "pooling_mode_lasttoken");
  texts.pooling = json{{"pooling_mode_mean_tokens", false}}.dump();
  ExpectWrong(texts, absl::StatusCode::kInvalidArgument, "no pooling_mode");
  texts.pooling = json{{"pooling_mode_mean_tokens", true}, {"word_embedding_dimension", 384}}.dump();
  ExpectWrong(texts, absl::StatusCode::kInvalidArgument, "word_embedding_dimension is 384");
}

TEST(HfConfig, BrokenJsonIsRefusedInEveryFile) {
  const HfConfigTexts good = Texts(BertConfig());
  for (const char* broken : {"{", "", "[1", "nul", "{\"a\":1,\"a\":1}", "\xff\xfe", "7"}) {
    SCOPED_TRACE(broken);
    HfConfigTexts texts = good;
    texts.config = broken;
    EXPECT_EQ(ParseHfEncoderConfig(texts).status().code(), absl::StatusCode::kInvalidArgument);
    if (*broken == '\0') continue;  // the other files may be missing
    for (std::string HfConfigTexts::*file :
         {&HfConfigTexts::modules, &HfConfigTexts::pooling, &HfConfigTexts::sentence_bert}) {
      texts = good;
      texts.*file = broken;
      EXPECT_EQ(ParseHfEncoderConfig(texts).status().code(), absl::StatusCode::kInvalidArgument);
    }
  }
  ExpectWrong(Texts(json::array()), absl::StatusCode::kInvalidArgument, "no JSON object");
  HfConfigTexts deep = good;
  deep.config = std::string(1 << 20, '[');
  ExpectWrong(deep, absl::StatusCode::kInvalidArgument, "nested deeper");
}

}  // namespace
}  // namespace precis::engine
