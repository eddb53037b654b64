// Names of models become paths inside the models folder, and nowhere else.
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "models/model_source.h"
#include "roles/generation_service.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void Touch(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << "x";
}

TEST(ModelsFolder, AFolderIsAModelOfOneKind) {
  TempFolder folder;
  Touch(folder.path() + "/hf/config.json");
  Touch(folder.path() + "/gguf/model.gguf");
  Touch(folder.path() + "/two/a.gguf");
  Touch(folder.path() + "/two/b.gguf");
  Touch(folder.path() + "/stray.gguf");
  EXPECT_EQ(*FindModel(folder.path(), "hf"), folder.path() + "/hf");
  EXPECT_EQ(*FindModel(folder.path(), "gguf"), folder.path() + "/gguf/model.gguf");
  EXPECT_THAT(std::string(FindModel(folder.path(), "two").status().message()), HasSubstr("2 .gguf files"));
  EXPECT_THAT(std::string(FindModel(folder.path(), "none").status().message()), HasSubstr("precis model pull none"));
  EXPECT_THAT(ListModelFolders(folder.path()), ElementsAre("gguf", "hf"));
  EXPECT_TRUE(ListModelFolders(folder.path() + "/nowhere").empty());
}

TEST(EncoderName, AModeMayFollowTheModel) {
  EXPECT_EQ(ParseEncoderName("all-minilm-l6-v2")->numeric_mode, "fp32");
  const auto integers = ParseEncoderName("all-minilm-l6-v2@int8-v1");
  ASSERT_TRUE(integers.ok()) << integers.status();
  EXPECT_EQ(integers->model, "all-minilm-l6-v2");
  EXPECT_EQ(integers->numeric_mode, "int8-v1");
  for (const char* name : {"m@", "m@int4", "m@int8-v1@fp32"}) {
    const auto status = ParseEncoderName(name).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("m@int8-v1")) << name;
  }
}

TEST(ModelsFolder, NamesCannotLeaveIt) {
  TempFolder folder;
  Touch(folder.path() + "/models/a/config.json");
  Touch(folder.path() + "/secret/config.json");
  for (const char* name : {"../secret", "a/../../secret", "/etc", "", ".", "..", ".hidden", "a\nb"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(FindModel(folder.path() + "/models", name).status())) << name;
  }
}

TEST(ModelsFolder, AFileThatWasReplacedIsLookedAtAgain) {
  TempFolder folder;
  Touch(folder.path() + "/m/model.gguf");
  Touch(folder.path() + "/hf/config.json");
  int looks = 0;
  ModelSource models = MakeFakeModels(std::make_shared<FakeEngines>());
  models.find = [&](const std::string& name) { return FindModel(folder.path(), name); };
  models.inspect = [&, inspect = models.inspect](const std::string& path) {
    ++looks;
    return inspect(path);
  };
  const Config config;
  Generators generators(models, config);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(generators.Describe("m").ok());
  EXPECT_EQ(looks, 1);
  std::ofstream(folder.path() + "/m/model.gguf") << "longer";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(generators.Describe("m").ok());
  EXPECT_EQ(looks, 2);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(generators.Describe("hf").ok());
  EXPECT_EQ(looks, 3);
  std::ofstream(folder.path() + "/hf/model.safetensors") << "weights";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(generators.Describe("hf").ok());
  EXPECT_EQ(looks, 4);
}

TEST(ModelsFolder, TheSmallGeneratorStandsInAndSaysSo) {
  const auto engines = std::make_shared<FakeEngines>();
  const ModelSource models = MakeFakeModels(engines);
  engines->models = {"smollm2-135m-instruct"};
  const auto found = FindDefaultGenerator(models, "qwen");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->name, "smollm2-135m-instruct");
  EXPECT_THAT(found->notice, AllOf(HasSubstr("qwen"), HasSubstr("stands in")));
  engines->models.insert("qwen");
  EXPECT_EQ(FindDefaultGenerator(models, "qwen")->name, "qwen");
  EXPECT_TRUE(FindDefaultGenerator(models, "qwen")->notice.empty());
  engines->models.clear();
  EXPECT_TRUE(absl::IsNotFound(FindDefaultGenerator(models, "qwen").status()));
}

}  // namespace
}  // namespace precis::services
