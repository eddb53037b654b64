// A disk that is full: reads go on, writes say so, and work again when there is space.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "index_fixture.h"
#include "storage/store.h"

namespace precis::index {
namespace {

constexpr int kCannotMount = 100;

// Gives the calling process a file system of its own under `folder`.
bool MountSmallDisk(const std::string& folder) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=384m") == 0;
}

// Leaves less than data needs and more than removals do.
bool WriteBallast(const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const auto left = std::filesystem::space(std::filesystem::path(path).parent_path()).available;
  const std::string block(1 << 20, 'x');
  for (uintmax_t blocks = left >> 20; blocks > 150; --blocks) file << block;
  return static_cast<bool>(file.flush());
}

// In a process of its own. Returns which step failed, 0: none.
int RunOnSmallDisk(const IndexOptions& options) {
  if (!MountSmallDisk(options.data_dir)) return kCannotMount;
  auto index = Index::Open(options);
  if (!index.ok()) return 1;
  CollectionOptions collection;
  collection.name = "c";
  if (!(*index)->CreateCollection(collection).ok()) return 2;
  const auto document = [](int i) {
    DocumentInput input;
    input.collection = "c";
    input.uri = "/" + std::to_string(i);
    input.media_type = "text/plain";
    input.content = "common ";
    for (int n = 0; n < 40'000; ++n) input.content += "word" + std::to_string((n * 7919 + i) % 10'007) + " ";
    return input;
  };
  if (!(*index)->Ingest(document(0), {}).ok() || !(*index)->Ingest(document(1), {}).ok()) return 3;
  const std::string ballast = options.data_dir + "/ballast";
  if (!WriteBallast(ballast)) return 4;
  if (!(*index)->DeleteDocument("", "c", {.uri = "/1"}).ok()) return 11;
  const absl::Status refused = (*index)->Ingest(document(1), {}).status();
  if (!absl::IsResourceExhausted(refused)) return 5;
  if (refused.message().find(options.data_dir) == absl::string_view::npos) return 6;
  SearchRequest request;
  request.collection = "c";
  request.query = "common";
  const auto found = (*index)->Search(request, {});
  if (!found.ok() || found->passages.empty()) return 7;
  unlink(ballast.c_str());
  if (!(*index)->Ingest(document(1), {}).ok()) return 8;
  index->reset();
  index = Index::Open(options);
  if (!index.ok()) return 9;
  const auto page = (*index)->ListDocuments("", "c", {}, "", 1000, "");
  if (!page.ok() || page->documents.size() != 2) return 10;
  return 0;
}

// Run by the test below in a process of its own.
TEST_F(IndexTest, DISABLED_OnSmallDisk) {
  index_.reset();
  const char* folder = std::getenv("PRECIS_TEST_SMALL_DISK");
  ASSERT_NE(folder, nullptr);
  IndexOptions options = Options();
  options.data_dir = folder;
  _exit(RunOnSmallDisk(options));
}

TEST_F(IndexTest, FullDiskRefusesWritesAndRecovers) {
  index_.reset();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // RocksDB's background threads do not survive a fork: the program is begun anew.
    setenv("PRECIS_TEST_SMALL_DISK", folder_.c_str(), 1);
    execl("/proc/self/exe", "index_test", "--gtest_filter=IndexTest.DISABLED_OnSmallDisk",
          "--gtest_also_run_disabled_tests", static_cast<char*>(nullptr));
    _exit(kCannotMount);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kCannotMount) GTEST_SKIP() << "a small disk cannot be mounted here";
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the step that failed";
}

TEST_F(IndexTest, FolderOfANewerProgramIsRefused) {
  index_.reset();
  {
    const auto store = Store::Open(folder_);
    ASSERT_TRUE(store.ok()) << store.status();
    rocksdb::WriteBatch batch;
    batch.Put((*store)->family(Family::kMeta), "format", "2");
    ASSERT_TRUE((*store)->Commit(&batch).ok());
  }
  const auto opened = Index::Open(Options());
  ASSERT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
  EXPECT_NE(opened.status().message().find("format 2"), absl::string_view::npos);
}

}  // namespace
}  // namespace precis::index
