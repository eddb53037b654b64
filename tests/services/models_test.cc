// The whole chain with the real MiniLM and SmolLM2.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "precis/v1/retrieval.grpc.pb.h"
#include "test_stack.h"

namespace precis::services {
namespace {

std::string ModelsFolder() {
  if (const char* folder = std::getenv("PRECIS_TEST_MODELS"); folder != nullptr && *folder != '\0') return folder;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.local/share/precis/models";
}

TEST(EngineModels, AFileThatIsNoModelIsDamaged) {
  TempFolder folder;
  std::filesystem::create_directories(folder.path() + "/m");
  const std::string path = folder.path() + "/m/model.gguf";
  std::ofstream(path) << "GGUF cut short";
  const ModelSource models = EngineModels(folder.path());
  EXPECT_TRUE(absl::IsDataLoss(models.inspect(path).status())) << models.inspect(path).status();
  EXPECT_TRUE(absl::IsDataLoss(models.load_tokenizer(path).status()));
  EXPECT_TRUE(absl::IsDataLoss(models.load_language_model(path, {}).status()));
  EXPECT_TRUE(absl::IsDataLoss(models.load_embedder(path, {}).status())) << models.load_embedder(path, {}).status();
  EXPECT_TRUE(absl::IsNotFound(models.find("n").status()));
}

TEST(RealModels, AQuestionIsAnsweredFromItsDocument) {
  const std::string models = ModelsFolder();
  for (const char* name : {"all-minilm-l6-v2", "smollm2-135m-instruct"}) {
    if (!std::filesystem::is_directory(models + "/" + name)) GTEST_SKIP() << name << " is not in " << models;
  }
  TempFolder folder;
  const Config config = TestConfig(
      folder.path(), {"--models-dir=" + models, "--encoder=all-minilm-l6-v2", "--generator=smollm2-135m-instruct"});
  auto daemon = Daemon::Start(config, EngineModels(models));
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  const auto channel = Dial((*daemon)->address());
  ASSERT_TRUE(CreateCollection(channel, "docs").ok());
  const Ingested ingested =
      Ingest(channel, "docs",
             {{"/lighthouse.md",
               "# Lighthouse\n\nThe lighthouse of Norrvik was built in 1893 by Ada Lindqvist. It is 31 "
               "metres high and painted red.\n"},
              {"/bread.md", "# Bread\n\nRye bread needs a sourdough starter. Bake it for 50 minutes at 230 degrees.\n"},
              {"/glacier.md", "# Glaciers\n\nA glacier moves a few centimetres a day and carries stones.\n"}});
  ASSERT_TRUE(ingested.status.ok()) << ingested.status.error_message();

  v1::AskRequest request;
  request.set_collection("docs");
  request.set_question("Who built the lighthouse of Norrvik?");
  request.set_max_answer_tokens(48);
  const Asked asked = Ask(channel, request);
  ASSERT_TRUE(asked.status.ok()) << asked.status.error_message();
  ASSERT_TRUE(asked.events.back().has_usage());
  EXPECT_FALSE(asked.answer.empty());
  RecordProperty("answer", asked.answer);
  const auto& passages = asked.events[1].retrieved().passages();
  ASSERT_FALSE(passages.empty());
  EXPECT_EQ(passages[0].uri(), "/lighthouse.md");
  EXPECT_LE(asked.events[2].receipt().receipt().tokens_out(), asked.events[0].plan().budget_tokens());
  EXPECT_GT(asked.events.back().usage().tokens().prompt_tokens(), 0);

  // Greedy decoding repeats itself, and the second run finds the prompt's prefix computed.
  const Asked again = Ask(channel, request);
  ASSERT_TRUE(again.status.ok());
  EXPECT_EQ(again.answer, asked.answer);
  EXPECT_EQ(again.events.back().usage().context_cache_outcome(), v1::CACHE_OUTCOME_HIT);
}

}  // namespace
}  // namespace precis::services
