#include "precis/cache/tagged_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "record.h"
#include "rocksdb/db.h"

namespace precis::cache {
namespace {

namespace fs = std::filesystem;

class TaggedCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/tagged_cache_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(path_);
    Reopen();
  }
  void TearDown() override {
    cache_.reset();
    fs::remove_all(path_);
  }
  void Reopen(int64_t max_bytes = 1 << 30, int64_t min_free_bytes = 0) {
    cache_.reset();
    auto cache = TaggedCache::Open({path_, max_bytes, min_free_bytes});
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = *std::move(cache);
  }
  bool Put(const std::string& key, const std::string& value, std::vector<Owner> owners = {}) {
    const auto stored = cache_->Put(key, value, owners);
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored.ok() && *stored;
  }
  int64_t Erase(std::vector<Erasure> erasures) {
    const auto dropped = cache_->Erase(erasures);
    EXPECT_TRUE(dropped.ok()) << dropped.status();
    return dropped.value_or(-1);
  }
  // Whether `text` stands in any file of the cache.
  bool OnDisk(const std::string& text) {
    for (const auto& entry : fs::recursive_directory_iterator(path_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      if (bytes.find(text) != std::string::npos) return true;
    }
    return false;
  }
  // Writes over the middle of every file of the store that ends so.
  void Damage(const std::string& ending) {
    int damaged = 0;
    for (const auto& entry : fs::directory_iterator(path_ + "/db")) {
      if (!absl::EndsWith(entry.path().filename().string(), ending)) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      const auto size = fs::file_size(entry.path());
      file.seekp(static_cast<std::streamoff>(size / 4));
      file << std::string(size / 2, '\x5a');
      ++damaged;
    }
    ASSERT_GT(damaged, 0) << ending;
  }
  void DamageManifest() {
    for (const auto& entry : fs::directory_iterator(path_ + "/db")) {
      if (absl::StartsWith(entry.path().filename().string(), "MANIFEST")) {
        std::ofstream(entry.path(), std::ios::binary) << std::string(200, 'x');
      }
    }
  }
  bool HasSetAside() {
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (absl::StartsWith(entry.path().filename().string(), "db.damaged-")) return true;
    }
    return false;
  }

  std::string path_;
  std::unique_ptr<TaggedCache> cache_;
};

TEST_F(TaggedCacheTest, ValuesSurviveARestart) {
  EXPECT_EQ(cache_->Get("k"), std::nullopt);
  EXPECT_TRUE(Put("k", std::string("a\0b", 3), {{"t", "d", 5}}));
  EXPECT_TRUE(Put("empty", ""));
  Reopen();
  EXPECT_EQ(cache_->Get("k"), std::string("a\0b", 3));
  EXPECT_EQ(cache_->Get("empty"), "");
  EXPECT_EQ(cache_->stats().entries, 2);
  EXPECT_GT(cache_->stats().bytes, 0);
}

TEST_F(TaggedCacheTest, EraseDropsAllThatADocumentMadeAndNothingElse) {
  Put("only d", "1", {{"t", "d", 5}});
  Put("d and e", "2", {{"t", "d", 5}, {"t", "e", 5}});
  Put("only e", "3", {{"t", "e", 5}});
  Put("another tenant's d", "4", {{"u", "d", 5}});
  Put("longer id", "5", {{"t", "dd", 5}});
  Put("no owner", "6");
  EXPECT_EQ(Erase({{"t", "d", 9}}), 2);
  Reopen();
  EXPECT_EQ(cache_->Get("only d"), std::nullopt);
  EXPECT_EQ(cache_->Get("d and e"), std::nullopt);
  for (const char* key : {"only e", "another tenant's d", "longer id", "no owner"}) {
    EXPECT_NE(cache_->Get(key), std::nullopt) << key;
  }
  EXPECT_EQ(cache_->stats().entries, 4);
  EXPECT_EQ(cache_->erased_epoch(), 9u);
  EXPECT_EQ(Erase({{"t", "d", 9}}), 0) << "repeating is safe";
}

TEST_F(TaggedCacheTest, WhatWasReadAfterTheDeleteStays) {
  Put("new version", "1", {{"t", "d", 12}});
  EXPECT_EQ(Erase({{"t", "d", 12}}), 0);
  EXPECT_EQ(cache_->Get("new version"), "1");
}

TEST_F(TaggedCacheTest, ALatePutIsRefusedForEver) {
  Erase({{"t", "d", 9}});
  EXPECT_FALSE(Put("k", "late", {{"t", "d", 8}}));
  EXPECT_FALSE(Put("k", "late", {{"t", "other", 20}, {"t", "d", 8}}));
  Reopen();
  EXPECT_FALSE(Put("k", "late", {{"t", "d", 8}}));
  EXPECT_EQ(cache_->Get("k"), std::nullopt);
  EXPECT_TRUE(Put("k", "new", {{"t", "d", 9}}));
  // An erasure that comes late does not take the epoch back.
  Erase({{"t", "d", 3}});
  EXPECT_FALSE(Put("k2", "late", {{"t", "d", 8}}));
  EXPECT_EQ(cache_->stats().refused, 2);
}

TEST_F(TaggedCacheTest, PutAndEraseNeverLeaveAnErasedValue) {
  constexpr int kDocuments = 200;
  std::atomic<bool> go{false};
  std::vector<std::thread> writers;
  for (int w = 0; w < 3; ++w) {
    writers.emplace_back([&, w] {
      while (!go) std::this_thread::yield();
      for (int i = 0; i < kDocuments; ++i) {
        const std::vector<Owner> owners = {{"t", absl::StrCat("d", i), 5}};
        (void)cache_->Put(absl::StrCat("k", i, "-", w), "v", owners);
      }
    });
  }
  std::thread eraser([&] {
    while (!go) std::this_thread::yield();
    for (int i = 0; i < kDocuments; ++i) {
      const std::vector<Erasure> erasures = {{"t", absl::StrCat("d", i), 9}};
      (void)cache_->Erase(erasures);
    }
  });
  go = true;
  for (auto& writer : writers) writer.join();
  eraser.join();
  for (int i = 0; i < kDocuments; ++i) {
    for (int w = 0; w < 3; ++w) EXPECT_EQ(cache_->Get(absl::StrCat("k", i, "-", w)), std::nullopt);
  }
  EXPECT_EQ(cache_->stats().entries, 0);
  EXPECT_EQ(cache_->stats().bytes, 0);
}

TEST_F(TaggedCacheTest, TheOldestStoredIsEvictedFirst) {
  Reopen(20000);
  const std::string value(1000, 'v');
  for (int i = 0; i < 50; ++i) Put(absl::StrCat("k", i), value, {{"t", absl::StrCat("d", i), 1}});
  EXPECT_LE(cache_->stats().bytes, 20000);
  EXPECT_GE(cache_->stats().entries, 15);
  EXPECT_EQ(cache_->stats().entries + cache_->stats().evicted, 50);
  EXPECT_EQ(cache_->Get("k0"), std::nullopt);
  EXPECT_NE(cache_->Get("k49"), std::nullopt);
  // Stored again, an entry is young again.
  const int64_t oldest = cache_->stats().evicted;
  Put(absl::StrCat("k", oldest), value);
  Put("one more", value);
  EXPECT_NE(cache_->Get(absl::StrCat("k", oldest)), std::nullopt);
  EXPECT_EQ(cache_->Get(absl::StrCat("k", oldest + 1)), std::nullopt);
  // A smaller limit takes hold with the next Put.
  Reopen(5000);
  Put("last", value);
  EXPECT_LE(cache_->stats().bytes, 5000);
  EXPECT_FALSE(Put("too large", std::string(6000, 'v')));
}

TEST_F(TaggedCacheTest, OnANearlyFullDiskNothingIsStoredAndTheRestGoesOn) {
  EXPECT_TRUE(Put("before", "1", {{"t", "d", 1}}));
  Reopen(1 << 30, INT64_MAX);
  EXPECT_FALSE(Put("k", "2"));
  EXPECT_EQ(cache_->stats().refused, 1);
  EXPECT_EQ(cache_->Get("k"), std::nullopt);
  EXPECT_EQ(cache_->Get("before"), "1");
  EXPECT_EQ(Erase({{"t", "d", 2}}), 1);
}

TEST_F(TaggedCacheTest, ADamagedValueIsAMiss) {
  Put("k", "value", {{"t", "d", 1}});
  cache_.reset();
  {
    rocksdb::DB* db;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, path_ + "/db", &names).ok());
    for (const auto& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
    ASSERT_TRUE(rocksdb::DB::Open({}, path_ + "/db", descriptors, &families, &db).ok());
    for (auto* family : families) {
      if (family->GetName() != "values") continue;
      std::string bytes;
      ASSERT_TRUE(db->Get({}, family, "k", &bytes).ok());
      bytes.back() ^= 1;
      ASSERT_TRUE(db->Put({}, family, "k", bytes).ok());
    }
    for (auto* family : families) ASSERT_TRUE(db->DestroyColumnFamilyHandle(family).ok());
    delete db;
  }
  Reopen();
  EXPECT_EQ(cache_->Get("k"), std::nullopt);
  EXPECT_EQ(cache_->stats().misses, 1);
  EXPECT_TRUE(Put("k", "again"));
  EXPECT_EQ(cache_->Get("k"), "again");
}

TEST_F(TaggedCacheTest, ADamagedStoreIsSetAsideAndItsDeletesAreNotForgotten) {
  Put("k", "value", {{"t", "kept", 3}});
  Erase({{"t", "d", 9}});
  cache_.reset();
  DamageManifest();
  Reopen();
  EXPECT_EQ(cache_->Get("k"), std::nullopt);
  EXPECT_TRUE(HasSetAside());
  EXPECT_EQ(cache_->erased_epoch(), 9u);
  EXPECT_FALSE(Put("late", "v", {{"t", "d", 8}}));
  EXPECT_FALSE(Put("k", "v", {{"t", "kept", 8}})) << "which documents were deleted is not known any more";
  EXPECT_TRUE(Put("k", "v", {{"t", "kept", 9}}));
  Reopen();
  EXPECT_FALSE(Put("late", "v", {{"t", "d", 8}})) << "nor after one more restart";
  // What was set aside may hold what is erased now.
  Erase({{"t", "kept", 12}});
  EXPECT_FALSE(HasSetAside());
}

TEST_F(TaggedCacheTest, AStoreThatLostAnAcknowledgedEraseIsSetAside) {
  Put("k", "value", {{"t", "d", 5}});
  cache_.reset();
  fs::copy(path_ + "/db", path_ + "/before", fs::copy_options::recursive);
  Reopen();
  EXPECT_EQ(Erase({{"t", "d", 9}}), 1);
  cache_.reset();
  fs::remove_all(path_ + "/db");
  fs::rename(path_ + "/before", path_ + "/db");
  Reopen();
  EXPECT_EQ(cache_->Get("k"), std::nullopt) << "an erased value came back";
  EXPECT_FALSE(Put("k", "value", {{"t", "d", 5}}));
}

TEST_F(TaggedCacheTest, WithoutAnyRecordOfTheEpochNothingOwnedIsStoredUntilTheNextErase) {
  Erase({{"t", "d", 9}});
  cache_.reset();
  DamageManifest();
  std::ofstream(path_ + "/erased_epoch") << "9 0000000000000000\n";
  Reopen();
  EXPECT_FALSE(Put("late", "v", {{"t", "d", 1000}}));
  EXPECT_TRUE(Put("a query's", "v"));
  Reopen();
  EXPECT_FALSE(Put("late", "v", {{"t", "d", 1000}}));
  Erase({{"t", "e", 20}});
  EXPECT_FALSE(Put("late", "v", {{"t", "d", 8}}));
  EXPECT_TRUE(Put("new", "v", {{"t", "d", 20}}));
}

TEST_F(TaggedCacheTest, BadBlocksAreMissesAndDoNotStopAnErase) {
  for (int i = 0; i < 2000; ++i) Put(absl::StrCat("k", i), std::string(100, 'v'), {{"t", "d", 5}});
  ASSERT_TRUE(cache_->Compact().ok());
  cache_.reset();
  Damage(".sst");
  auto cache = TaggedCache::Open({path_});
  ASSERT_TRUE(cache.ok()) << cache.status();
  cache_ = *std::move(cache);
  Erase({{"t", "d", 9}});
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(cache_->Get(absl::StrCat("k", i)), std::nullopt);
  EXPECT_FALSE(Put("late", "v", {{"t", "d", 8}}));
}

TEST_F(TaggedCacheTest, ASecondServerOnTheFolderIsToldSo) {
  const auto second = TaggedCache::Open({path_});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(second.status().message().find(path_), std::string::npos);
  Put("k", "v");
  EXPECT_EQ(cache_->Get("k"), "v");
}

TEST_F(TaggedCacheTest, AfterEraseAndCompactNoByteIsLeft) {
  const std::string secret = "the-secret-that-must-go";
  Put("k", secret, {{"t", "d", 5}});
  Reopen();
  ASSERT_TRUE(OnDisk(secret));
  Erase({{"t", "d", 9}});
  ASSERT_TRUE(cache_->Compact().ok());
  EXPECT_FALSE(OnDisk(secret));
}

TEST_F(TaggedCacheTest, OptionsAreChecked) {
  EXPECT_EQ(TaggedCache::Open({""}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TaggedCache::Open({path_ + "x", 0}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace precis::cache
