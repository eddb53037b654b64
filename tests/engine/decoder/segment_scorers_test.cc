// ScoreSegments against golden/segments.json, which PyTorch's transformers computed, and what it promises besides.
#include "runtime/segment_scorers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "byte_tokenizer.h"
#include "family_model.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

const nlohmann::json& Golden() {
  static const auto* golden = [] {
    std::ifstream in(SourceFile("tests/engine/decoder/golden/segments.json"));
    return new nlohmann::json(nlohmann::json::parse(in));
  }();
  return *golden;
}

std::vector<std::string> Segments() { return Golden()["segments"].get<std::vector<std::string>>(); }
std::string Question() { return Golden()["question"]; }

std::shared_ptr<LanguageModel> Load(const std::string& name, LoadOptions options = {.numeric_mode = "exact"}) {
  FolderOptions folder_options;
  folder_options.more["tokenizer.json"] = ByteTokenizerJson({"<|endoftext|>"});
  folder_options.changes["max_position_embeddings"] = 512;
  const FamilyFolder folder(FamilyCase(name), folder_options);
  auto model = LoadLanguageModel(folder.path(), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

SegmentScoreOptions OptionsOf(const nlohmann::json& from) {
  SegmentScoreOptions options;
  const std::string scoring = from["scoring"];
  options.scoring = scoring == "attention" ? SegmentScoring::kAttention
                    : scoring == "entropy" ? SegmentScoring::kEntropy
                                           : SegmentScoring::kQuestionLikelihood;
  options.window_tokens = from.value("window_tokens", options.window_tokens);
  options.top_tokens = from.value("top_tokens", options.top_tokens);
  options.phrase_tokens = from.value("phrase_tokens", options.phrase_tokens);
  options.layer = from.value("layer", options.layer);
  options.entropy_tokens = from.value("entropy_tokens", options.entropy_tokens);
  options.published = from.value("published", options.published);
  return options;
}

absl::StatusOr<std::vector<float>> Score(LanguageModel* model, const std::vector<std::string>& segments,
                                         const SegmentScoreOptions& options, CallContext call = CallContext::Make(),
                                         std::string question = Question()) {
  const std::vector<std::string_view> views(segments.begin(), segments.end());
  return model->ScoreSegments(views, question, options, call);
}

TEST(SegmentScorers, AgreeWithTheReference) {
  std::map<std::string, std::shared_ptr<LanguageModel>> models;
  for (const auto& golden : Golden()["cases"]) {
    SCOPED_TRACE(golden["model"].dump() + " " + golden["options"].dump());
    auto& model = models[golden["model"]];
    if (model == nullptr) model = Load(golden["model"]);
    ASSERT_NE(model, nullptr);
    const auto scores = Score(model.get(), Segments(), OptionsOf(golden["options"]));
    ASSERT_TRUE(scores.ok()) << scores.status();
    const std::vector<double> expected = golden["scores"];
    ASSERT_EQ(scores->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR((*scores)[i], expected[i], 2e-4 * std::max(1.0, std::fabs(expected[i]))) << i;
    }
  }
}

std::vector<SegmentScoreOptions> AllKinds() {
  return {{.window_tokens = 60, .top_tokens = 9},
          {.window_tokens = 60, .top_tokens = 9, .layer = 1},
          {.scoring = SegmentScoring::kEntropy},
          {.scoring = SegmentScoring::kQuestionLikelihood}};
}

// Whoever runs beside, whatever the threads: and generation after a look at a lower layer does not take its pages.
TEST(SegmentScorers, SameBitsAloneAndBesideOthers) {
  std::vector<std::vector<float>> alone;
  const std::string text = "Read the text and answer the question.\n\n" + Segments()[0] + Segments()[1];
  std::string expected_text;
  {
    const auto model = Load("qwen2", {.threads = 1});
    for (const auto& options : AllKinds()) alone.push_back(*Score(model.get(), Segments(), options));
    expected_text =
        Load("qwen2", {.threads = 1})->Generate({.prompt = text, .max_tokens = 12}, CallContext::Make(), {})->text;
  }
  const auto model = Load("qwen2", {.threads = 2, .max_sequences = 3});
  for (int round = 0; round < 2; ++round) {  // the second time with prefixes from the cache
    std::vector<std::vector<float>> scores(alone.size());
    std::string generated;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < alone.size(); ++i) {
      threads.emplace_back([&, i] { scores[i] = Score(model.get(), Segments(), AllKinds()[i]).value(); });
    }
    threads.emplace_back(
        [&] { generated = model->Generate({.prompt = text, .max_tokens = 12}, CallContext::Make(), {}).value().text; });
    for (auto& t : threads) t.join();
    EXPECT_EQ(scores, alone);
    EXPECT_EQ(generated, expected_text);
  }
}

TEST(SegmentScorers, LooksAtALowerLayerLeaveNothingForLongerRuns) {
  const auto model = Load("qwen2");
  SegmentScoreOptions low{.layer = 0};
  const std::string prompt = "Read the text and answer the question.\n\n" + Segments()[0];
  ASSERT_TRUE(Score(model.get(), {Segments()[0]}, low).ok());
  const auto first = model->Generate({.prompt = prompt, .max_tokens = 8}, CallContext::Make(), {}).value();
  EXPECT_EQ(first.cached_prompt_tokens, 0);
  // While what was computed to the end is found again.
  const auto second = model->Generate({.prompt = prompt, .max_tokens = 8}, CallContext::Make(), {}).value();
  EXPECT_GT(second.cached_prompt_tokens, 0);
  EXPECT_EQ(second.text, first.text);
}

// The kinds of keys and values differ by their rounding only.
TEST(SegmentScorers, KeysAndValuesOfEveryType) {
  const auto floats = Score(Load("llama2", {.kv_type = "f32"}).get(), Segments(), {}).value();
  for (const char* type : {"f16", "int8"}) {
    const auto scores = Score(Load("llama2", {.kv_type = type}).get(), Segments(), {}).value();
    for (size_t i = 0; i < floats.size(); ++i) EXPECT_NEAR(scores[i], floats[i], 0.05) << type << " " << i;
  }
}

TEST(SegmentScorers, WhatIsReadApartDoesNotDependOnTheOthers) {
  const auto model = Load("llama2", {});
  for (const auto scoring : {SegmentScoring::kEntropy, SegmentScoring::kQuestionLikelihood}) {
    const auto all = Score(model.get(), Segments(), {.scoring = scoring}).value();
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(Score(model.get(), {Segments()[i]}, {.scoring = scoring}).value(), std::vector<float>{all[i]});
    }
  }
}

TEST(SegmentScorers, MoreThanTheWindowPassesByAndCarriedSegmentsMakeRoom) {
  const auto model = Load("qwen2", {});
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.push_back("Line " + std::to_string(i * i * 7919) + " says nothing of note. ");
  many.push_back(std::string(300, 'x') + " ");  // leaves less room than is carried
  const auto scores = Score(model.get(), many, {.window_tokens = 90, .top_tokens = 200});
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_EQ(scores->size(), many.size());
  for (const float s : *scores) {
    EXPECT_GE(s, 0);
    EXPECT_LE(s, 2);
  }
  EXPECT_EQ(*std::max_element(scores->begin(), scores->end()), 2);  // the best one of the last pass
}

TEST(SegmentScorers, BadInputIsRefusedWithItsNumbers) {
  const auto model = Load("qwen2", {});
  const auto code = [&](const SegmentScoreOptions& options, const std::string& question = "q") {
    return Score(model.get(), {"text"}, options, CallContext::Make(), question).status().code();
  };
  EXPECT_EQ(code({}, ""), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.window_tokens = 0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.top_tokens = 0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.phrase_tokens = 65}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.layer = 3}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.layer = -4}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.entropy_tokens = -1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({}), absl::StatusCode::kOk);
  EXPECT_TRUE(Score(model.get(), {}, {})->empty());
  for (const auto& options : AllKinds()) {
    EXPECT_EQ(Score(model.get(), {"", "a"}, options)->size(), 2u);
    const absl::Status status = Score(model.get(), {"short", std::string(600, 'a')}, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(std::string(status.message()).find("segment 1 has 600 tokens"), std::string::npos) << status;
    EXPECT_NE(std::string(status.message()).find("512"), std::string::npos) << status;
  }
}

TEST(SegmentScorers, EndWithTheCall) {
  const auto model = Load("qwen2", {});
  for (const auto& options : AllKinds()) {
    const CallContext call = CallContext::Make();
    std::vector<std::string> many(3000, std::string(90, 'b'));
    std::thread canceller([&] { call.Cancel(); });
    EXPECT_EQ(Score(model.get(), many, options, call).status().code(), absl::StatusCode::kCancelled);
    canceller.join();
    EXPECT_EQ(Score(model.get(), many, options, CallContext(absl::Now() + absl::Milliseconds(5))).status().code(),
              absl::StatusCode::kDeadlineExceeded);
  }
}

// By hand: two rows, columns 1 to 4 are segments, 5 and 6 the question.
TEST(PhraseScores, WeightsRowsByTheirViewOfTheQuestionAndSmoothsOverAPhrase) {
  const std::vector<float> weights = {9, 1, 0, 0, 2, 3, 0, 0,   // mass on the question: 3
                                      9, 0, 4, 0, 0, 1, 1, 0};  // 2
  std::vector<double> rows;
  // Sums weighted by 9 and 4: 9, 16, 0, 18. A phrase of 2 is a column and the next one.
  EXPECT_EQ(PhraseScores(weights, 8, 1, 5, 7, 2, 2, &rows), (std::vector<double>{25, 16, 18, 18}));
  EXPECT_EQ(rows, (std::vector<double>{9, 4}));
  rows = {1, 0};  // of an earlier pass: taken over
  EXPECT_EQ(PhraseScores(weights, 8, 1, 5, 7, 2, 1, &rows), (std::vector<double>{1, 0, 0, 2}));
}

}  // namespace
}  // namespace precis::engine
