#include "precis/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace precis {
namespace {

std::string Path(const std::string& name) { return testing::TempDir() + "/precis_file_test_" + name; }

TEST(File, DurableWriteReplacesTheWholeContent) {
  const std::string path = Path("replace");
  ASSERT_TRUE(WriteFileDurably(path, "a longer first content").ok());
  ASSERT_TRUE(WriteFileDurably(path, "second").ok());
  EXPECT_EQ(ReadFile(path, 100).value(), "second");
}

TEST(File, DurableWriteLeavesNoTemporaryFileWhenItFails) {
  const std::string folder = Path("folder_target");
  std::filesystem::create_directories(folder + "/child");
  EXPECT_FALSE(WriteFileDurably(folder, "x").ok());
  for (const auto& entry : std::filesystem::directory_iterator(testing::TempDir())) {
    EXPECT_THAT(entry.path().string(), testing::Not(testing::HasSubstr("folder_target.tmp.")));
  }
}

TEST(File, ReadRefusesMoreThanTheLimitAndNamesIt) {
  const std::string path = Path("limit");
  ASSERT_TRUE(WriteFileDurably(path, std::string(100, 'x')).ok());
  EXPECT_TRUE(ReadFile(path, 100).ok());
  const auto result = ReadFile(path, 99);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(result.status().message()), testing::HasSubstr("99"));
}

TEST(File, FoldersAndMissingFilesAreNamed) {
  EXPECT_EQ(ReadFile(testing::TempDir(), 10).status().code(), absl::StatusCode::kInvalidArgument);
  const auto missing = ReadFile(Path("nowhere"), 10);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), testing::HasSubstr("nowhere"));
}

TEST(File, MapShowsTheBytesAndSurvivesRelease) {
  const std::string path = Path("map");
  const std::string content(3 * 4096 + 17, 'q');
  ASSERT_TRUE(WriteFileDurably(path, content).ok());
  const auto map = MappedFile::Open(path);
  ASSERT_TRUE(map.ok()) << map.status();
  (*map)->Release(10, content.size());
  EXPECT_EQ((*map)->bytes(), content);
  ASSERT_TRUE(WriteFileDurably(path, "").ok());
  EXPECT_EQ(MappedFile::Open(path).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace precis
