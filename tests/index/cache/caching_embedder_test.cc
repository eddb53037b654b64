#include "precis/cache/caching_embedder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace precis::cache {
namespace {

// Counts what it is asked for; the vector depends on text and role.
class CountingEmbedder final : public engine::Embedder {
 public:
  CountingEmbedder() {
    info_.fingerprint = "f1";
    info_.dimensions = 3;
  }
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { std::abort(); }
  absl::StatusOr<std::vector<engine::Embedding>> Embed(std::span<const std::string_view> texts,
                                                       const engine::EmbedOptions& options,
                                                       const CallContext&) override {
    std::vector<engine::Embedding> result;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i] == "too long") return absl::InvalidArgumentError(absl::StrCat("text ", i, " is too long"));
      asked.push_back(std::string(texts[i]));
      engine::Embedding embedding;
      embedding.vector = {static_cast<float>(texts[i].size()), static_cast<float>(options.role), third};
      embedding.tokens_total = 9;
      embedding.tokens_used = 7;
      embedding.truncated = true;
      result.push_back(embedding);
    }
    return result;
  }
  engine::ModelInfo info_;
  float third = 1.5f;
  std::vector<std::string> asked;
};

class CachingEmbedderTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/caching_embedder_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(path_);
    auto cache = TaggedCache::Open({path_});
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = *std::move(cache);
    inner_ = std::make_shared<CountingEmbedder>();
    embedder_ = MakeCachingEmbedder(inner_, cache_);
  }
  void TearDown() override {
    embedder_.reset();
    cache_.reset();
    std::filesystem::remove_all(path_);
  }
  std::vector<engine::Embedding> Embed(std::vector<std::string_view> texts, std::vector<engine::CacheTag> tags,
                                       engine::InputRole role = engine::InputRole::kDocument) {
    inner_->asked.clear();
    engine::EmbedOptions options;
    options.role = role;
    options.tags = tags;
    auto result = embedder_->Embed(texts, options, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(std::vector<engine::Embedding>{});
  }
  std::string path_;
  std::shared_ptr<TaggedCache> cache_;
  std::shared_ptr<CountingEmbedder> inner_;
  std::shared_ptr<CachingEmbedder> embedder_;
};

TEST_F(CachingEmbedderTest, OnlyMissesAreComputedAndHitsAreTheSameBits) {
  const auto first = Embed({"a", "bb"}, {{"t", "d", 1}, {"t", "d", 1}});
  const auto second = Embed({"ccc", "bb", "a"}, {{"t", "d", 1}, {"t", "d", 1}, {"t", "d", 1}});
  EXPECT_EQ(inner_->asked, (std::vector<std::string>{"ccc"}));
  ASSERT_EQ(second.size(), 3u);
  EXPECT_EQ(second[2].vector, first[0].vector);
  EXPECT_EQ(second[1].vector, first[1].vector);
  EXPECT_EQ(second[1].tokens_total, 9);
  EXPECT_EQ(second[1].tokens_used, 7);
  EXPECT_TRUE(second[1].truncated);
  EXPECT_TRUE(second[1].cache_hit);
  EXPECT_FALSE(second[0].cache_hit);
}

TEST_F(CachingEmbedderTest, DuplicatesOfOneCallAreComputedOnce) {
  const auto result = Embed({"a", "a", "a"}, {{"t", "d", 1}, {"t", "e", 1}, {"u", "d", 1}});
  EXPECT_EQ(inner_->asked.size(), 1u);
  ASSERT_EQ(result.size(), 3u);
  EXPECT_EQ(result[0].vector, result[2].vector);
  Embed({"a", "a"}, {});
  EXPECT_EQ(inner_->asked.size(), 1u);
}

TEST_F(CachingEmbedderTest, ARefreshLooksNothingUpAndReplacesWhatIsStored) {
  Embed({"a"}, {{"t", "d", 1}});
  inner_->third = 2.5f;  // as if what is stored had gone wrong
  const std::vector<std::string_view> texts = {"a", "new"};
  const std::vector<engine::CacheTag> tags(2, {"t", "d", 1});
  engine::EmbedOptions options;
  options.role = engine::InputRole::kDocument;
  options.tags = tags;
  const auto fresh = embedder_->Refresh(texts, options, {});
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_FALSE((*fresh)[0].cache_hit);
  EXPECT_EQ((*fresh)[0].vector[2], 2.5f);
  const auto after = Embed({"a", "new"}, {{"t", "d", 1}, {"t", "d", 1}});
  EXPECT_TRUE(inner_->asked.empty()) << "both are stored";
  EXPECT_EQ(after[0].vector, (*fresh)[0].vector);
}

TEST_F(CachingEmbedderTest, TenantRoleModelAndPolicyKeepApart) {
  Embed({"a"}, {{"t", "d", 1}});
  Embed({"a"}, {{"u", "d", 1}});
  EXPECT_EQ(inner_->asked.size(), 1u) << "a tenant must not see that another one has the text";
  Embed({"a"}, {{"t", "", 0}}, engine::InputRole::kQuery);
  EXPECT_EQ(inner_->asked.size(), 1u);
  Embed({"a"}, {{"t", "", 0}}, engine::InputRole::kQuery);
  EXPECT_EQ(inner_->asked.size(), 0u) << "a text without owner is cached under its tenant";
  inner_->info_.fingerprint = "f2";
  Embed({"a"}, {{"t", "d", 1}});
  EXPECT_EQ(inner_->asked.size(), 1u);
}

TEST_F(CachingEmbedderTest, WithoutTagsNothingIsStored) {
  Embed({"a"}, {});
  EXPECT_EQ(cache_->stats().entries, 0);
}

TEST_F(CachingEmbedderTest, ErasedIsGoneAndLateIsNotStored) {
  Embed({"a"}, {{"t", "d", 1}});
  const std::vector<Erasure> erasures = {{"t", "d", 5}};
  ASSERT_EQ(*cache_->Erase(erasures), 1);
  Embed({"a"}, {{"t", "d", 1}});
  EXPECT_EQ(inner_->asked.size(), 1u);
  EXPECT_EQ(cache_->stats().entries, 0);
  // Another document that spells the same may have it cached, whoever stands first in the call.
  Embed({"a", "a"}, {{"t", "d", 1}, {"t", "e", 6}});
  EXPECT_EQ(cache_->stats().entries, 1);
  Embed({"a"}, {{"t", "e", 6}});
  EXPECT_EQ(inner_->asked.size(), 0u);
}

TEST_F(CachingEmbedderTest, ADamagedOrForeignValueIsComputedAgain) {
  Embed({"a"}, {{"t", "d", 1}});
  inner_->info_.dimensions = 4;
  Embed({"a"}, {{"t", "d", 1}});
  EXPECT_EQ(inner_->asked.size(), 1u);
}

TEST_F(CachingEmbedderTest, ErrorsNameTheCallersIndex) {
  Embed({"a", "b"}, {{"t", "d", 1}, {"t", "d", 1}});
  const std::vector<std::string_view> texts = {"a", "b", "too long"};
  const std::vector<engine::CacheTag> tags(3, {"t", "d", 1});
  engine::EmbedOptions options;
  options.role = engine::InputRole::kDocument;
  options.tags = tags;
  const auto result = embedder_->Embed(texts, options, {});
  EXPECT_EQ(result.status().message(), "text 2 is too long");
  options.tags = std::span<const engine::CacheTag>(tags).subspan(0, 2);
  EXPECT_EQ(embedder_->Embed(texts, options, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace precis::cache
