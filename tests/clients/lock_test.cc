#include "models/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "models/pull.h"
#include "precis/base/file.h"
#include "precis/base/hash.h"
#include "source_file.h"

namespace precis::models {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class LockTest : public testing::Test {
 protected:
  LockTest() {
    std::string pattern = testing::TempDir() + "/precis_lock_XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~LockTest() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& content) {
    EXPECT_TRUE(WriteFileDurably(root_ + "/" + name, content).ok());
    return root_ + "/" + name;
  }
  // A lock of one model with one file of this content.
  static std::string LockFor(const std::string& content, const std::string& path = "model.gguf") {
    return R"({"format":1,"models":[{"name":"tiny","kind":"decoder","packages":[{"package":"p","version":"1","sha256":")" +
           Sha256Hex("x") + R"("}],"files":[{"path":")" + path + R"(","size":)" + std::to_string(content.size()) +
           R"(,"sha256":")" + Sha256Hex(content) + R"(","parts":[{"package":"p","member":"m"}]}]}]})";
  }

  std::string root_;
};

TEST(CommittedLock, ParsesAndNamesTheDefaultModels) {
  const auto models = ReadLock(SourceFile("deploy/models.lock"));
  ASSERT_TRUE(models.ok()) << models.status();
  std::vector<std::string> names;
  for (const Model& model : *models) names.push_back(model.name);
  EXPECT_THAT(names,
              testing::IsSupersetOf({"all-minilm-l6-v2", "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"}));
}

TEST_F(LockTest, PathsOutsideTheModelsFolderAreRefused) {
  for (const char* path : {"../evil", "/etc/passwd", "a/../../b", ""}) {
    const auto models = ReadLock(Write("lock", LockFor("content", path)));
    EXPECT_EQ(models.status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST_F(LockTest, NonsenseIsAnErrorNotACrash) {
  for (const char* text : {"", "[]", "{", "{\"format\":2}", "{\"format\":1,\"models\":[3]}",
                           "{\"format\":1,\"models\":[{\"name\":\"a b\"}]}"}) {
    EXPECT_EQ(ReadLock(Write("lock", text)).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST_F(LockTest, AnArchiveInPiecesIsJoinedFromPackagesOnly) {
  const auto lock = [&](const std::string& archive) {
    std::string text = LockFor("content");
    return Write("lock", text.insert(text.find(R"("files")"), R"("archives":[)" + archive + "],"));
  };
  const auto models = ReadLock(lock(
      R"({"name":"a.zip","missing_bytes":7,"parts":[{"package":"p","member":"1"},{"package":"p","member":"2"}]})"));
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ((*models)[0].archives.size(), 1u);
  EXPECT_EQ((*models)[0].archives[0].missing_bytes, 7);
  EXPECT_EQ((*models)[0].archives[0].parts.size(), 2u);
  for (const char* wrong : {
           R"({"name":"../a.zip","parts":[{"package":"p","member":"1"}]})",
           R"({"name":"a.zip","parts":[]})",
           R"({"name":"a.zip","parts":[{"archive":"a.zip","member":"1"}]})",
           R"({"name":"a.zip","missing_bytes":-1,"parts":[{"package":"p","member":"1"}]})",
           R"({"name":"a.zip","missing_bytes":9000000000000000000,"parts":[{"package":"p","member":"1"}]})",
           R"({"name":"a.zip","missing_bytes":"7","parts":[{"package":"p","member":"1"}]})",
       }) {
    const auto refused = ReadLock(lock(wrong));
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("archive")) << wrong;
  }
}

TEST_F(LockTest, OnesOwnCopyIsInstalledWhenTheHashIsRight) {
  const std::string content = "these are weights";
  const auto models = ReadLock(Write("lock", LockFor(content)));
  ASSERT_TRUE(models.ok()) << models.status();
  const std::string own = Write("own.gguf", content);
  const std::string folder = root_ + "/models";
  const absl::Status status = Pull((*models)[0], {folder, own}, [](const std::string&) {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ReadFile(folder + "/tiny/model.gguf", 100).value(), content);
  EXPECT_TRUE(IsComplete((*models)[0], folder, /*hash=*/true));
  // Same size, other bytes: only the hash tells.
  ASSERT_TRUE(WriteFileDurably(folder + "/tiny/model.gguf", "these are Weights").ok());
  EXPECT_TRUE(IsComplete((*models)[0], folder, /*hash=*/false));
  EXPECT_FALSE(IsComplete((*models)[0], folder, /*hash=*/true));
}

TEST_F(LockTest, AWrongHashInstallsNothingAndNamesBoth) {
  const auto models = ReadLock(Write("lock", LockFor("these are weights")));
  ASSERT_TRUE(models.ok());
  const std::string own = Write("own.gguf", "something else");
  const std::string folder = root_ + "/models";
  const absl::Status status = Pull((*models)[0], {folder, own}, [](const std::string&) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(Sha256Hex("something else")));
  EXPECT_THAT(std::string(status.message()), HasSubstr(Sha256Hex("these are weights")));
  EXPECT_TRUE(!fs::exists(folder) || fs::is_empty(folder));
}

}  // namespace
}  // namespace precis::models
