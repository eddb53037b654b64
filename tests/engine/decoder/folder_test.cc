// LoadLanguageModel over Hugging Face folders: weights, tokenizer, chat template and ends come from their own files.
#include <gtest/gtest.h>

#include "byte_tokenizer.h"
#include "family_model.h"
#include "precis/base/file.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

constexpr char kChatMl[] =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n'}}{% endfor %} You are a helpful assistant.";

FolderOptions WithTokenizer() {
  FolderOptions options;
  options.more["tokenizer.json"] = ByteTokenizerJson({"<|endoftext|>", "<|im_start|>", "<|im_end|>"});
  options.more["tokenizer_config.json"] =
      nlohmann::json{{"eos_token", "<|im_end|>"}, {"chat_template", kChatMl}}.dump();
  return options;
}

std::shared_ptr<LanguageModel> Load(const FamilyFolder& folder, const LoadOptions& options = {}) {
  auto model = LoadLanguageModel(folder.path(), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

GenerateResult Answer(LanguageModel* model, int max_tokens = 8) {
  auto result = model->Generate({.prompt = "hello", .max_tokens = max_tokens}, CallContext::Make(), {});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : GenerateResult{};
}

TEST(Folder, EveryFamilyLoadsAndAnswersInBothModes) {
  for (const auto& golden : FamilyCases()) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const FamilyFolder folder(golden, WithTokenizer());
    for (const char* mode : {"exact", "fast"}) {
      const auto model = Load(folder, {.numeric_mode = mode});
      ASSERT_NE(model, nullptr);
      const GenerateResult result = Answer(model.get());
      EXPECT_EQ(result.prompt_tokens, 5);
      EXPECT_GT(result.completion_tokens, 0);
      EXPECT_EQ(model->info().numeric_mode, mode);
      EXPECT_GT(model->info().parameters, 100000);
    }
  }
}

TEST(Folder, MessagesGoThroughTheTemplateOfTheFolder) {
  const FamilyFolder folder(FamilyCase("qwen2"), WithTokenizer());
  const auto model = Load(folder);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(*model->RenderChat({{"system", "S"}, {"user", "U"}}),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n");
}

// Of sets of ends that share the vocabulary among them, one holds the token that comes first.
TEST(Folder, ATextIsOverWhereGenerationConfigSaysSo) {
  FolderOptions options = WithTokenizer();
  int ended = 0;
  for (int first = 0; first < 256; first += 64) {
    std::vector<int> ids;
    for (int id = first; id < first + 64; ++id) ids.push_back(id);
    options.more["generation_config.json"] = nlohmann::json{{"eos_token_id", ids}}.dump();
    const FamilyFolder folder(FamilyCase("qwen3"), options);
    const GenerateResult result = Answer(Load(folder).get(), 1);
    ended += result.finish == FinishReason::kEndOfText ? 1 : 0;
    EXPECT_EQ(result.text.empty(), result.finish == FinishReason::kEndOfText);
  }
  EXPECT_EQ(ended, 1);
}

TEST(Folder, FingerprintIsThatOfAllWeights) {
  const auto fingerprint = [](const FolderOptions& options) {
    const FamilyFolder folder(FamilyCase("llama2"), options);
    return Load(folder)->info().fingerprint;
  };
  FolderOptions options = WithTokenizer();
  const std::string one = fingerprint(options);
  EXPECT_EQ(fingerprint(options), one);
  options.parts = 2;
  const std::string two = fingerprint(options);
  EXPECT_EQ(fingerprint(options), two);
  EXPECT_NE(two, one);
  options.type = TensorType::kBF16;
  EXPECT_NE(fingerprint(options), two);
  options = WithTokenizer();
  options.changes = {{"rope_parameters", {{"rope_theta", 20000.0}}}};
  EXPECT_NE(fingerprint(options), one) << "config.json changes results too";
}

TEST(Folder, WhatIsMissingIsNamed) {
  const auto status = [](const FolderOptions& options) {
    const FamilyFolder folder(FamilyCase("llama2"), options);
    return LoadLanguageModel(folder.path(), {}).status();
  };
  EXPECT_EQ(status({}).code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(status({}).message()).find("tokenizer.json"), std::string::npos);
  FolderOptions options = WithTokenizer();
  options.without = {"model.layers.1.mlp.up_proj.weight"};
  EXPECT_NE(std::string(status(options).message()).find("'model.layers.1.mlp.up_proj.weight'"), std::string::npos);
  options = WithTokenizer();
  options.more["tokenizer.json"] = ByteTokenizerJson(std::vector<std::string>(50, "<|pad|>"));
  EXPECT_FALSE(status(options).ok());
  options = WithTokenizer();
  options.changes = {{"rope_parameters", {{"rope_type", "magic"}}}};
  EXPECT_EQ(status(options).code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(status(options).message()).find("'magic'"), std::string::npos);
}

}  // namespace
}  // namespace precis::engine
