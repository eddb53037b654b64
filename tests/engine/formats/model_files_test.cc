#include "formats/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/formats/gguf_writer.h"
#include "precis/base/file.h"

namespace precis::engine {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ModelFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / ("model_files." + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string Put(const std::string& name, std::string_view content) {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  std::string Folder(const std::string& name) {
    fs::create_directories(root_ / name);
    return (root_ / name).string();
  }
  static void ExpectWrong(const std::string& path, absl::StatusCode code, const char* sentence) {
    const auto files = FindModelFiles(path);
    EXPECT_EQ(files.status().code(), code) << files.status();
    EXPECT_THAT(std::string(files.status().message()), HasSubstr(sentence));
  }

  fs::path root_;
};

TEST_F(ModelFilesTest, AGgufFileIsFoundAloneAndInItsFolder) {
  const std::string file = Put("tiny-llama/model.gguf", GgufWriter().Finish());
  for (const std::string& path : {file, Folder("tiny-llama"), Folder("tiny-llama") + "/"}) {
    const auto files = FindModelFiles(path);
    ASSERT_TRUE(files.ok()) << files.status();
    EXPECT_EQ(files->kind, ModelKind::kGguf);
    EXPECT_TRUE(fs::equivalent(files->gguf, file));
    EXPECT_EQ(files->name, "tiny-llama");
    EXPECT_EQ(files->path, path);
  }
  EXPECT_EQ(FindModelFiles(Put("other/small-q8.gguf", GgufWriter().Finish()))->name, "small-q8");
}

TEST_F(ModelFilesTest, AFolderWithConfigAndWeightsIsAHuggingFaceFolder) {
  Put("bert/config.json", "{}");
  Put("bert/model.safetensors", "x");
  for (const std::string& path : {Folder("bert"), Folder("bert") + "/"}) {
    const auto files = FindModelFiles(path);
    ASSERT_TRUE(files.ok()) << files.status();
    EXPECT_EQ(files->kind, ModelKind::kHfFolder);
    EXPECT_EQ(files->folder, Folder("bert"));
    EXPECT_EQ(files->name, "bert");
    EXPECT_EQ(files->tokenizer, "");
  }
  Put("bert/tokenizer.json", "{}");
  EXPECT_EQ(FindModelFiles(Folder("bert"))->tokenizer, Folder("bert") + "/tokenizer.json");
}

TEST_F(ModelFilesTest, WhatIsNoModelIsNamedWithTheWayOut) {
  ExpectWrong("", absl::StatusCode::kInvalidArgument, "is empty");
  ExpectWrong((root_ / "nowhere").string(), absl::StatusCode::kNotFound, "there is no model at");
  ExpectWrong(Folder("bare"), absl::StatusCode::kNotFound, "it needs config.json and model.safetensors, or one .gguf");
  ExpectWrong(Put("empty.gguf", ""), absl::StatusCode::kInvalidArgument, "is empty");
  ExpectWrong(Put("zeros.gguf", std::string(64, '\0')), absl::StatusCode::kInvalidArgument, "is not a GGUF file");
  ExpectWrong(Put("short.gguf", "GG"), absl::StatusCode::kInvalidArgument, "is not a GGUF file");
  ExpectWrong("/dev/null", absl::StatusCode::kInvalidArgument, "neither a file nor a folder");
  Put("two/a.gguf", "GGUF");
  Put("two/b.gguf", "GGUF");
  ExpectWrong(Folder("two"), absl::StatusCode::kInvalidArgument, "2 GGUF files (a.gguf, b.gguf): give the path of one");
  Put("half/config.json", "{}");
  ExpectWrong(Folder("half"), absl::StatusCode::kNotFound, "no model.safetensors");
  Put("half/pytorch_model.bin", "x");
  ExpectWrong(Folder("half"), absl::StatusCode::kUnimplemented, "'pytorch_model.bin'");
}

TEST_F(ModelFilesTest, WeightsInPartsAreFoundByTheirIndex) {
  Put("parts/config.json", "{}");
  const std::string index = Put("parts/model.safetensors.index.json", "{}");
  ASSERT_TRUE(FindModelFiles(Folder("parts")).ok());
  EXPECT_EQ(FindModelFiles(Folder("parts"))->weights, index);
  const std::string whole = Put("parts/model.safetensors", "x");
  EXPECT_EQ(FindModelFiles(Folder("parts"))->weights, whole);
}

TEST_F(ModelFilesTest, ALoopOfLinksIsAnError) {
  fs::create_symlink(root_ / "loop", root_ / "loop");
  EXPECT_FALSE(FindModelFiles((root_ / "loop").string()).ok());
}

}  // namespace
}  // namespace precis::engine
