#include "cli/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace precis::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class WalkTest : public testing::Test {
 protected:
  WalkTest() {
    std::string pattern = testing::TempDir() + "/precis_walk_XXXXXX";
    root_ = fs::canonical(mkdtemp(pattern.data())).string();
  }
  ~WalkTest() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& content = "text") {
    fs::create_directories(fs::path(root_ + "/" + name).parent_path());
    std::ofstream(root_ + "/" + name) << content;
  }
  // Paths below the root of what was found.
  std::vector<std::string> Names(const WalkResult& result) {
    std::vector<std::string> names;
    for (const FoundFile& file : result.files) names.push_back(file.path.substr(root_.size() + 1));
    return names;
  }

  std::string root_;
};

TEST_F(WalkTest, HiddenFilesAndKindsWithoutTextAreLeftOutOfFolders) {
  Write("a.md");
  Write("sub/b.txt");
  Write(".secret");
  Write(".git/config");
  Write("picture.PNG");
  const WalkResult result = Walk({root_}, {});
  EXPECT_THAT(Names(result), ElementsAre("a.md", "sub/b.txt"));
  EXPECT_EQ(result.skipped, 3);
  EXPECT_THAT(result.folders, ElementsAre(root_));
}

TEST_F(WalkTest, AFileNamedItselfIsAlwaysTaken) {
  Write("picture.png");
  Write(".hidden");
  EXPECT_THAT(Names(Walk({root_ + "/picture.png", root_ + "/.hidden"}, {})), ElementsAre(".hidden", "picture.png"));
}

TEST_F(WalkTest, ALoopOfSymbolicLinksEnds) {
  Write("sub/a.txt");
  fs::create_directory_symlink(root_, root_ + "/sub/again");
  fs::create_directory_symlink(root_ + "/sub", root_ + "/other");
  EXPECT_EQ(Walk({root_}, {}).files.size(), 1u);
}

TEST_F(WalkTest, TheSameFileByTwoNamesIsSentOnce) {
  Write("a.html");
  fs::create_symlink("a.html", root_ + "/b.html");
  fs::create_hard_link(root_ + "/a.html", root_ + "/c.html");
  EXPECT_THAT(Names(Walk({root_, root_ + "/a.html"}, {})), ElementsAre("a.html"));
}

TEST_F(WalkTest, PatternsOfTheUserDecide) {
  Write("a.md");
  Write("b.txt");
  Write("sub/c.md");
  WalkOptions options;
  options.include = {"*.md"};
  EXPECT_THAT(Names(Walk({root_}, options)), ElementsAre("a.md", "sub/c.md"));
  options.exclude = {"sub/*"};
  EXPECT_THAT(Names(Walk({root_}, options)), ElementsAre("a.md"));
  EXPECT_THAT(Names(Walk({root_ + "/*.txt"}, {})), ElementsAre("b.txt"));
}

TEST_F(WalkTest, WhatIsNotThereIsAnErrorAndTheRestGoesOn) {
  Write("a.txt");
  fs::create_symlink("nowhere", root_ + "/broken");
  const WalkResult result = Walk({root_, root_ + "/missing"}, {});
  EXPECT_EQ(result.files.size(), 1u);
  EXPECT_THAT(result.errors, testing::UnorderedElementsAre(HasSubstr("broken"), HasSubstr("missing")));
  EXPECT_THAT(result.unread, ElementsAre(root_ + "/broken"));
}

TEST_F(WalkTest, VeryDeepFoldersAreNamedNotWalked) {
  Write("1/2/3/deep.txt");
  WalkOptions options;
  options.max_depth = 2;
  const WalkResult result = Walk({root_}, options);
  EXPECT_THAT(result.files, IsEmpty());
  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("2 folders deep")));
  EXPECT_THAT(result.unread, ElementsAre(root_ + "/1/2/3"));
}

}  // namespace
}  // namespace precis::cli
