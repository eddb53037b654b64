// config.json of each encoder family, as the published models write it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/hf_config.h"
#include "nlohmann/json.hpp"

namespace precis::engine {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json BertLike(const char* type) {
  return {{"model_type", type},       {"hidden_size", 32},       {"num_hidden_layers", 4},
          {"num_attention_heads", 4}, {"intermediate_size", 64}, {"max_position_embeddings", 130},
          {"vocab_size", 100},        {"type_vocab_size", 1},    {"layer_norm_eps", 1e-5},
          {"hidden_act", "gelu"}};
}

json Nomic() {
  return {{"model_type", "nomic_bert"},
          {"n_embd", 32},
          {"n_layer", 2},
          {"n_head", 4},
          {"n_inner", 96},
          {"n_positions", 8192},
          {"vocab_size", 30528},
          {"type_vocab_size", 2},
          {"layer_norm_epsilon", 1e-12},
          {"activation_function", "swiglu"},
          {"rotary_emb_base", 1000},
          {"rotary_emb_fraction", 1.0},
          {"qkv_proj_bias", false},
          {"mlp_fc1_bias", false},
          {"mlp_fc2_bias", false},
          {"rotary_emb_scale_base", nullptr},
          {"rotary_scaling_factor", nullptr}};
}

json Modern() {
  json config = BertLike("modernbert");
  config["norm_eps"] = 1e-5;
  config["global_rope_theta"] = 160000.0;
  config["local_rope_theta"] = 10000.0;
  config["local_attention"] = 128;
  config["global_attn_every_n_layers"] = 3;
  return config;
}

absl::StatusOr<EncoderConfig> Parse(const json& config) {
  return ParseHfEncoderConfig({.config = config.dump(), .origin = "folder"});
}

void ExpectWrong(const json& config, absl::StatusCode code, const char* sentence) {
  const auto parsed = Parse(config);
  EXPECT_EQ(parsed.status().code(), code) << parsed.status();
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(sentence));
}

TEST(HfFamilies, RobertaPositionsBeginBehindThePaddingToken) {
  for (const char* type : {"roberta", "xlm-roberta"}) {
    const auto config = Parse(BertLike(type));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->family, EncoderFamily::kRoberta);
    EXPECT_EQ(config->model_type, type);
    EXPECT_EQ(config->position_offset, 2);
    EXPECT_EQ(config->max_tokens, 128);
  }
  json config = BertLike("roberta");
  config["pad_token_id"] = 5;
  EXPECT_EQ(Parse(config)->max_tokens, 124);
  config["pad_token_id"] = 129;
  ExpectWrong(config, absl::StatusCode::kInvalidArgument, "max_position_embeddings is 130");
  config["pad_token_id"] = -1;
  ExpectWrong(config, absl::StatusCode::kInvalidArgument, "pad_token_id is -1");
}

TEST(HfFamilies, MpnetHasBucketsAndNoTypes) {
  json object = BertLike("mpnet");
  object.erase("type_vocab_size");
  const auto config = Parse(object);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->relative_buckets, 32);
  EXPECT_EQ(config->position_offset, 2);
  EXPECT_EQ(config->type_vocabulary_size, 0);
  for (const json& wrong : {json(0), json(33), json(1 << 20), json("x")}) {
    object["relative_attention_num_buckets"] = wrong;
    ExpectWrong(object, absl::StatusCode::kInvalidArgument, "relative_attention_num_buckets is");
  }
}

TEST(HfFamilies, DistilBertHasItsOwnKeys) {
  json object = {
      {"model_type", "distilbert"},     {"dim", 32},         {"n_layers", 2},       {"n_heads", 4}, {"hidden_dim", 64},
      {"max_position_embeddings", 128}, {"vocab_size", 100}, {"activation", "gelu"}};
  const auto config = Parse(object);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->hidden_size, 32);
  EXPECT_EQ(config->intermediate_size, 64);
  EXPECT_EQ(config->max_tokens, 128);
  object["n_heads"] = 5;
  ExpectWrong(object, absl::StatusCode::kInvalidArgument, "dim 32 is no multiple of n_heads 5");
  object.erase("dim");
  ExpectWrong(object, absl::StatusCode::kInvalidArgument, "dim is missing");
}

TEST(HfFamilies, NomicIsAsLongAsItsTrainingUnlessItsFileScales) {
  const auto config = Parse(Nomic());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->family, EncoderFamily::kNomicBert);
  EXPECT_EQ(config->rope_base, 1000);
  EXPECT_EQ(config->activation, Activation::kSilu);
  EXPECT_FALSE(config->attention_bias);
  EXPECT_FALSE(config->ffn_bias);
  EXPECT_EQ(config->max_tokens, 2048);
  json scaled = Nomic();
  scaled["rotary_scaling_factor"] = 2;
  EXPECT_EQ(Parse(scaled)->max_tokens, 8192);
  EXPECT_EQ(Parse(scaled)->ntk_factor, 2);
}

TEST(HfFamilies, WhatNomicNetworksHereDoNotHaveIsNamed) {
  const std::tuple<const char*, json, absl::StatusCode, const char*> cases[] = {
      {"prenorm", true, absl::StatusCode::kUnimplemented, "prenorm is true"},
      {"use_rms_norm", true, absl::StatusCode::kUnimplemented, "use_rms_norm"},
      {"rotary_emb_fraction", 0.5, absl::StatusCode::kUnimplemented, "rotary_emb_fraction is 0.5"},
      {"rotary_emb_scale_base", 512, absl::StatusCode::kUnimplemented, "rotary_emb_scale_base"},
      {"activation_function", "gelu", absl::StatusCode::kUnimplemented, "'gelu'"},
      {"num_experts", 8, absl::StatusCode::kUnimplemented, "num_experts is 8"},
      {"mlp_fc2_bias", true, absl::StatusCode::kUnimplemented, "differ"},
      {"rotary_emb_base", 1, absl::StatusCode::kInvalidArgument, "rotary_emb_base is 1"},
      {"rotary_emb_base", 1e300, absl::StatusCode::kInvalidArgument, "rotary_emb_base"},
      {"rotary_scaling_factor", -2, absl::StatusCode::kInvalidArgument, "rotary_scaling_factor is -2"},
      {"n_head", 32, absl::StatusCode::kInvalidArgument, "a head has 1 values"},
      {"n_head", 16, absl::StatusCode::kInvalidArgument, "a head has 2 values"},
  };
  for (const auto& [key, value, code, sentence] : cases) {
    SCOPED_TRACE(key);
    json config = Nomic();
    config[key] = value;
    ExpectWrong(config, code, sentence);
  }
}

TEST(HfFamilies, ModernBertSeesEverythingInEveryThirdLayer) {
  const auto config = Parse(Modern());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rope_base, 160000);
  EXPECT_EQ(config->local_rope_base, 10000);
  EXPECT_EQ(config->local_reach, 64);
  EXPECT_FALSE(config->norm_bias);
  EXPECT_FALSE(config->attention_bias);
  EXPECT_FALSE(config->IsLocal(0));
  EXPECT_TRUE(config->IsLocal(1));
  EXPECT_TRUE(config->IsLocal(2));
  EXPECT_FALSE(config->IsLocal(3));
  // As newer versions of the reference write it.
  json newer = Modern();
  newer.erase("global_rope_theta");
  newer["rope_parameters"] = {{"full_attention", {{"rope_type", "default"}, {"rope_theta", 5000.0}}},
                              {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 70.0}}}};
  newer["layer_types"] = {"full_attention", "sliding_attention", "sliding_attention", "full_attention"};
  ASSERT_TRUE(Parse(newer).ok()) << Parse(newer).status();
  EXPECT_EQ(Parse(newer)->rope_base, 5000);
  EXPECT_EQ(Parse(newer)->local_rope_base, 70);
  newer["rope_parameters"]["full_attention"]["rope_type"] = "yarn";
  ExpectWrong(newer, absl::StatusCode::kUnimplemented, "'yarn'");
  newer = Modern();
  newer["layer_types"] = {"sliding_attention", "sliding_attention", "sliding_attention", "full_attention"};
  ExpectWrong(newer, absl::StatusCode::kUnimplemented, "layer_types");
}

TEST(HfFamilies, LabelsOfHeads) {
  json config = BertLike("bert");
  EXPECT_THAT(Parse(config)->labels, ElementsAre("LABEL_0", "LABEL_1"));
  config["id2label"] = {{"1", "keep"}, {"0", "drop"}};
  EXPECT_THAT(Parse(config)->labels, ElementsAre("drop", "keep"));
  config["id2label"] = {{"0", "relevant"}};
  EXPECT_THAT(Parse(config)->labels, ElementsAre("relevant"));
  for (const json& wrong :
       {json::object(), json::array(), json("x"), json{{"1", "a"}}, json{{"0", "a"}, {"2", "b"}}, json{{"0", 7}}}) {
    config["id2label"] = wrong;
    ExpectWrong(config, absl::StatusCode::kInvalidArgument, "id2label is");
  }
}

}  // namespace
}  // namespace precis::engine
