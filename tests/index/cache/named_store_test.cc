// Named values: versions, tenants, limits, durability, and erasure that can be seen.
#include "precis/cache/named_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "precis/base/reason.h"

namespace precis::cache {
namespace {

class NamedStoreTest : public testing::Test {
 protected:
  NamedStoreTest() {
    std::string folder = testing::TempDir() + "/named-XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    options_.path = folder;
    options_.kind = "capsule";
    options_.min_free_bytes = 0;
    Reopen();
  }
  ~NamedStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(options_.path);
  }
  void Reopen() {
    store_.reset();
    auto opened = NamedStore::Open(options_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  absl::StatusOr<NamedValue> Put(const std::string& tenant, const std::string& name, const std::string& body,
                                 std::vector<Owner> owners = {}, bool replace = false) {
    return store_->Put({tenant, name, replace, "head of " + body, body, std::move(owners)});
  }
  std::string Body(const std::string& tenant, const std::string& name, int32_t version = 0) {
    const auto value = store_->Get(tenant, name, version);
    return value.ok() ? value->body : std::string(value.status().message());
  }

  NamedStoreOptions options_;
  std::unique_ptr<NamedStore> store_;
};

TEST_F(NamedStoreTest, VersionsCountAndTheNewestIsGivenAlsoAfterARestart) {
  EXPECT_EQ(Put("", "a", "one")->version, 1);
  EXPECT_EQ(Put("", "a", "x").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Put("", "a", "two", {}, true)->version, 2);
  Reopen();
  EXPECT_EQ(Body("", "a"), "two");
  EXPECT_EQ(Body("", "a", 1), "one");
  EXPECT_EQ(store_->Get("", "a", 0)->head, "head of two");
  EXPECT_GT(store_->Get("", "a", 0)->created_unix_ms, 0);
  EXPECT_EQ(Body("", "a", 3), "capsule 'a' has no version 3; the newest is 2");
  EXPECT_EQ(store_->Delete("", "a").value(), 2);
  Reopen();
  EXPECT_EQ(Body("", "a"), "there is no capsule 'a'");
  EXPECT_EQ(store_->Delete("", "a").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(NamedStoreTest, TenantsSeeTheirOwnAndListsArePaged) {
  for (const char* name : {"b", "a", "a.b", "a-b", "c"}) ASSERT_TRUE(Put("t", name, name).ok());
  ASSERT_TRUE(Put("t", "a", "newer", {}, true).ok());
  ASSERT_TRUE(Put("", "z", "other").ok());
  ASSERT_TRUE(Put("tt", "y", "other").ok());
  std::vector<std::string> names;
  for (std::string after;;) {
    const auto page = store_->List("t", after, 2);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    for (const NamedValue& value : *page) {
      names.push_back(absl::StrCat(value.name, " ", value.version));
      EXPECT_TRUE(value.body.empty());
      EXPECT_FALSE(value.head.empty());
    }
    after = page->back().name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a 2", "a-b 1", "a.b 1", "b 1", "c 1"}));
  EXPECT_EQ(Body("", "a"), "there is no capsule 'a'");
  EXPECT_EQ(store_->List("", "", 10)->size(), 1u);
}

TEST_F(NamedStoreTest, ADeleteErasesWhatWasMadeFromTheDocumentAndSaysSo) {
  ASSERT_TRUE(Put("t", "a", "old", {{"t", "doc", 5}}).ok());
  ASSERT_TRUE(Put("t", "a", "new", {{"t", "other", 6}}, true).ok());
  ASSERT_TRUE(Put("t", "b", "both", {{"t", "doc", 5}, {"t", "other", 5}}).ok());
  ASSERT_TRUE(Put("u", "a", "another tenant", {{"u", "doc", 5}}).ok());
  EXPECT_EQ(store_->Erase(std::vector<Erasure>{{"t", "doc", 7}}).value(), 2);
  EXPECT_EQ(store_->erased_epoch(), 7u);
  Reopen();
  EXPECT_EQ(store_->erased_epoch(), 7u);
  EXPECT_EQ(Body("t", "a"), "new");
  EXPECT_EQ(Body("u", "a"), "another tenant");
  const auto gone = store_->Get("t", "b", 0);
  EXPECT_EQ(gone.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(gone.status()), "SOURCE_DELETED");
  EXPECT_NE(gone.status().message().find("document doc, which it was made from, was deleted"), std::string::npos)
      << gone.status();
  // What was read before the delete is refused for ever, what was read after it is not.
  EXPECT_EQ(ReasonOf(Put("t", "b", "late", {{"t", "doc", 6}}).status()), "SOURCE_DELETED");
  EXPECT_TRUE(Put("t", "b", "again", {{"t", "doc", 8}}).ok());
  EXPECT_EQ(store_->Erase(std::vector<Erasure>{{"t", "doc", 7}}).value(), 0);  // repeated
  EXPECT_EQ(Body("t", "b"), "again");
}

TEST_F(NamedStoreTest, AnImportedValueIsErasedWithTheNextDeleteWhateverItsNumbers) {
  ASSERT_TRUE(store_->Erase(std::vector<Erasure>{{"t", "gone", 50}}).ok());
  const NewValue late = {"t", "a", false, "h", "b", {{"t", "gone", 40}}, true};
  EXPECT_EQ(ReasonOf(store_->Put(late).status()), "SOURCE_DELETED");
  ASSERT_TRUE(store_->Put({"t", "a", false, "h", "b", {{"t", "doc", 1'000'000}}, true}).ok());
  EXPECT_EQ(store_->Erase(std::vector<Erasure>{{"t", "doc", 51}}).value(), 1);
}

TEST_F(NamedStoreTest, NamesAndSizesHaveLimits) {
  for (const std::string& name : {std::string(), std::string(".a"), std::string("a/b"), std::string(129, 'a')}) {
    EXPECT_EQ(Put("", name, "x").status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(store_->Get("", name, 0).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_TRUE(Put("", std::string(128, 'a'), "x").ok());
  options_.max_value_bytes = 20;
  options_.max_versions = 2;
  options_.max_names = 2;
  Reopen();
  EXPECT_NE(Put("", "big", std::string(21, 'x')).status().message().find("the limit is 20"), std::string::npos);
  ASSERT_TRUE(Put("", "b", "x").ok());
  EXPECT_EQ(Put("", "c", "x").status().code(), absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(Put("", "b", "x", {}, true).ok());
  EXPECT_EQ(Put("", "b", "x", {}, true).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(NamedStoreTest, OneProcessAtATimeAndADamagedStoreIsAnError) {
  EXPECT_EQ(NamedStore::Open(options_).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Put("", "a", "x").ok());
  store_.reset();
  std::ofstream(options_.path + "/db/CURRENT") << "nonsense";
  const auto opened = NamedStore::Open(options_);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss) << opened.status();
  EXPECT_NE(opened.status().message().find("move that folder away"), std::string::npos);
}

}  // namespace
}  // namespace precis::cache
