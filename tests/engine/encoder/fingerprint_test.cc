// The encoder's fingerprint and the prefixes that it covers.
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/encoder_fingerprint.h"
#include "runtime/encoder_prompts.h"

namespace precis::engine {
namespace {

struct Inputs {
  ModelInfo info;
  EncoderConfig config;
  std::string weights = "aa";
  float temperature = 1;
  std::string Fingerprint() const { return EncoderFingerprint(info, config, weights, temperature); }
};

TEST(EncoderFingerprint, EverythingThatChangesAVectorChangesIt) {
  const std::vector<std::function<void(Inputs*)>> changes = {
      [](Inputs*) {},
      [](Inputs* i) { i->weights = "ab"; },
      [](Inputs* i) { i->temperature = 0.9f; },
      [](Inputs* i) { i->info.tokenizer_fingerprint = "t"; },
      [](Inputs* i) { i->info.pooling = "cls"; },
      [](Inputs* i) { i->info.max_tokens = 128; },
      [](Inputs* i) { i->info.query_prefix = "p"; },
      [](Inputs* i) { i->info.document_prefix = "p"; },
      [](Inputs* i) { i->info.numeric_mode = "int8-v1"; },
      [](Inputs* i) { i->config.attention_heads = 4; },
      [](Inputs* i) { i->config.layer_norm_eps = 1e-5; },
      [](Inputs* i) { i->config.activation = Activation::kRelu; },
  };
  std::set<std::string> seen;
  for (const auto& change : changes) {
    Inputs inputs;
    change(&inputs);
    EXPECT_TRUE(seen.insert(inputs.Fingerprint()).second);
  }
  EXPECT_EQ(Inputs().Fingerprint().size(), 64u);
}

TEST(EncoderFingerprint, NameAndPathDoNotChangeIt) {
  Inputs a, b;
  b.info.name = "other";
  b.info.path = "/elsewhere";
  EXPECT_EQ(a.Fingerprint(), b.Fingerprint());
}

TEST(EncoderPrompts, AreReadWhereTheModelHasThem) {
  const auto e5 = ParseEncoderPrompts(R"({"prompts": {"query": "query: ", "passage": "passage: "}})", "file");
  ASSERT_TRUE(e5.ok());
  EXPECT_EQ(e5->query, "query: ");
  EXPECT_EQ(e5->document, "passage: ");
  const auto document = ParseEncoderPrompts(R"({"prompts": {"document": "d: ", "passage": "p: "}})", "file");
  EXPECT_EQ(document->document, "d: ");
  for (const char* none : {"{}", R"({"prompts": null})", R"({"prompts": {}})"}) {
    const auto prompts = ParseEncoderPrompts(none, "file");
    ASSERT_TRUE(prompts.ok());
    EXPECT_TRUE(prompts->query.empty() && prompts->document.empty());
  }
}

TEST(EncoderPrompts, NonsenseIsRefusedWithTheFilesName) {
  const std::string huge = R"({"prompts": {"query": ")" + std::string(5000, 'x') + "\"}}";
  for (const std::string& text : {std::string("["), std::string("[]"), std::string(R"({"prompts": 3})"),
                                  std::string(R"({"prompts": {"query": 3}})"), huge}) {
    const auto prompts = ParseEncoderPrompts(text, "the-file");
    ASSERT_EQ(prompts.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(prompts.status().message().find("the-file"), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace precis::engine
