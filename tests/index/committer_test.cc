// Group commit: what waits together is committed together, except what must see each other.
#include "storage/committer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"

namespace precis::index {
namespace {

class CommitterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "precis_committer_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    auto store = Store::Open(folder_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    committer_ = std::make_unique<Committer>(store_.get(), &epochs_, 0);
  }
  void TearDown() override {
    committer_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  // Commits on a thread of its own.
  std::thread Start(std::string subject, std::function<void()> prepare, std::function<void()> apply = {}) {
    return std::thread([this, subject = std::move(subject), prepare = std::move(prepare), apply = std::move(apply)] {
      Mutation mutation;
      mutation.subject = subject;
      mutation.prepare = [&](uint64_t first, rocksdb::WriteBatch*) -> absl::StatusOr<uint64_t> {
        prepare();
        return first;
      };
      mutation.apply = [&](uint64_t) {
        if (apply) apply();
      };
      EXPECT_TRUE(committer_->Commit(std::move(mutation)).ok());
    });
  }
  std::string folder_;
  std::unique_ptr<Store> store_;
  Epochs epochs_;
  std::unique_ptr<Committer> committer_;
};

// While one commit is held, others of one document queue up: together they would be one group.
TEST_F(CommitterTest, EachMutationOfASubjectSeesWhatTheOnesBeforeItDid) {
  constexpr int kRounds = 20, kWriters = 8;
  for (int round = 0; round < kRounds; ++round) {
    absl::Notification held, go;
    std::thread holder = Start("holder", [&] {
      held.Notify();
      go.WaitForNotification();
    });
    held.WaitForNotification();
    int prepared = 0, applied = 0;  // touched by one commit at a time
    absl::BlockingCounter about_to_commit(kWriters);
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&] {
        about_to_commit.DecrementCount();
        Start(
            "document", [&] { EXPECT_EQ(applied, prepared++); }, [&] { ++applied; })
            .join();
      });
    }
    about_to_commit.Wait();
    go.Notify();
    holder.join();
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(applied, kWriters);
  }
}

TEST_F(CommitterTest, NumbersFollowEachOtherAndAreDurable) {
  for (uint64_t i = 1; i <= 3; ++i) {
    Mutation mutation;
    mutation.prepare = [i](uint64_t first, rocksdb::WriteBatch*) -> absl::StatusOr<uint64_t> {
      EXPECT_EQ(first, 2 * i - 1);
      return first + 1;
    };
    const auto committed = committer_->Commit(std::move(mutation));
    ASSERT_TRUE(committed.ok());
    EXPECT_EQ(*committed, 2 * i);
    EXPECT_EQ(epochs_.published(), 2 * i);
  }
  Mutation refused;
  refused.prepare = [](uint64_t, rocksdb::WriteBatch*) -> absl::StatusOr<uint64_t> {
    return absl::FailedPreconditionError("no");
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(committer_->Commit(std::move(refused)).status()));
  EXPECT_EQ(epochs_.published(), 6u) << "a refused mutation takes no number";
}

}  // namespace
}  // namespace precis::index
