// Which options reach a model's loader, and how much all generators may take together.
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "models/model_source.h"
#include "roles/generation_service.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using ::testing::HasSubstr;

// A generator that says what it takes.
class Sized final : public engine::LanguageModel {
 public:
  Sized(std::shared_ptr<engine::LanguageModel> model, std::string name, int64_t bytes)
      : model_(std::move(model)), info_(model_->info()) {
    info_.name = std::move(name);
    info_.memory_bytes = bytes;
  }
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return model_->tokenizer(); }
  absl::StatusOr<std::string> RenderChat(const std::vector<engine::ChatMessage>& messages) const override {
    return model_->RenderChat(messages);
  }
  absl::StatusOr<int64_t> CountPromptTokens(const engine::GenerateRequest& request) const override {
    return model_->CountPromptTokens(request);
  }
  absl::StatusOr<engine::GenerateResult> Generate(const engine::GenerateRequest& request, const CallContext& call,
                                                  const engine::DeltaSink& sink) override {
    return model_->Generate(request, call, sink);
  }
  absl::StatusOr<std::vector<engine::TokenScore>> ScoreTokens(std::string_view context, std::string_view text,
                                                              const CallContext& call) override {
    return model_->ScoreTokens(context, text, call);
  }
  absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                   std::string_view question,
                                                   const engine::SegmentScoreOptions& options,
                                                   const CallContext& call) override {
    return model_->ScoreSegments(segments, question, options, call);
  }
  absl::StatusOr<std::vector<engine::TokenScore>> ScoreAnswer(const std::vector<engine::ChatMessage>& messages,
                                                              std::string_view text, const std::string& tenant,
                                                              const CallContext& call) override {
    return model_->ScoreAnswer(messages, text, tenant, call);
  }

 private:
  const std::shared_ptr<engine::LanguageModel> model_;
  engine::ModelInfo info_;
};

class GeneratorsTest : public ::testing::Test {
 protected:
  GeneratorsTest() : engines_(std::make_shared<FakeEngines>()), models_(MakeFakeModels(engines_)) {
    engines_->models = {"a", "b", "small"};
    models_.load_language_model =
        [this, load = models_.load_language_model](
            const std::string& path,
            const engine::LoadOptions& options) -> absl::StatusOr<std::shared_ptr<engine::LanguageModel>> {
      options_ = options;
      if (options.memory_limit_bytes > 0 && options.memory_limit_bytes < 100) {
        return absl::ResourceExhaustedError(absl::StrCat("needs 100, ", options.memory_limit_bytes, " are left"));
      }
      auto model = load(path, options);
      if (!model.ok()) return model;
      return std::make_shared<Sized>(*model, path, 100);
    };
  }
  Config Configured(const std::vector<std::string>& flags) { return TestConfig(folder_.path(), flags); }

  TempFolder folder_;
  const std::shared_ptr<FakeEngines> engines_;
  ModelSource models_;
  engine::LoadOptions options_;  // of the last load
};

TEST_F(GeneratorsTest, OptionsReachTheLoader) {
  const Config config = Configured({"--generator=a", "--draft-model=small", "--kv-type=int8", "--check-weights"});
  Generators generators(models_, config);
  ASSERT_TRUE(generators.Get("").ok());
  EXPECT_EQ(options_.draft_path, "small");
  EXPECT_EQ(options_.kv_type, "int8");
  EXPECT_TRUE(options_.check_weights);
  EXPECT_EQ(options_.speculation, "");
  EXPECT_EQ(options_.memory_limit_bytes, 0);
  ASSERT_TRUE(generators.Get("b").ok());  // of another vocabulary, for all we know
  EXPECT_EQ(options_.draft_path, "");
  const Config off = Configured({"--generator=a", "--speculation=off"});
  Generators without(models_, off);
  ASSERT_TRUE(without.Get("a").ok());
  EXPECT_EQ(options_.speculation, "off");
  EXPECT_EQ(options_.kv_type, "");
  EXPECT_FALSE(options_.check_weights);
}

TEST_F(GeneratorsTest, AllInMemoryShareTheLimit) {
  const Config config = Configured({"--generator=a", "--memory-limit-bytes=250"});
  Generators generators(models_, config);
  ASSERT_TRUE(generators.Get("a").ok());
  EXPECT_EQ(options_.memory_limit_bytes, 250);
  ASSERT_TRUE(generators.Get("b").ok());
  EXPECT_EQ(options_.memory_limit_bytes, 150);
  const absl::Status full = generators.Get("small").status();
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_THAT(std::string(full.message()), HasSubstr("needs 100, 50 are left"));
  EXPECT_THAT(std::string(full.message()), HasSubstr("a (100), b (100)"));
  EXPECT_THAT(std::string(full.message()), HasSubstr("UnloadModel"));
  // What is freed is there for others, and what was freed loads again.
  ASSERT_TRUE(generators.loaded().Unload("a", CallContext::Make()).ok());
  EXPECT_TRUE(generators.Get("small").ok());
  EXPECT_FALSE(generators.Get("a").ok());
  generators.loaded().UnloadIfIdle("b", absl::Now() + absl::Seconds(1));
  EXPECT_TRUE(generators.Get("a").ok());
}

TEST(Encoders, OptionsReachTheLoaderByTheModelsName) {
  TempFolder folder;
  ModelSource models = MakeFakeModels(std::make_shared<FakeEngines>());
  std::mutex mutex;
  std::vector<engine::LoadOptions> seen;
  models.load_embedder = [&, load = models.load_embedder](const std::string& path, const engine::LoadOptions& options) {
    std::lock_guard<std::mutex> lock(mutex);
    seen.push_back(options);
    return load(path, options);
  };
  for (const char* windows : {"other=99,fake-encoder=77", "other=99"}) {
    const auto daemon = Daemon::Start(
        TestConfig(folder.path(), {std::string("--encoder-max-tokens=") + windows, "--check-weights"}), models);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
  }
  ASSERT_EQ(seen.size(), 2u);  // each has loaded its encoder by then
  EXPECT_EQ(seen[0].max_tokens, 77);
  EXPECT_TRUE(seen[0].check_weights);
  EXPECT_EQ(seen[1].max_tokens, 0);
}

}  // namespace
}  // namespace precis::services
