// T5 and mT5: against PyTorch `transformers` (golden/make_t5_golden.py), and behind the door of every generator.
#include "models/t5.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "byte_tokenizer.h"
#include "family_model.h"
#include "formats/hf_t5_config.h"
#include "ops/relative_position.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

using StatusCode = absl::StatusCode;

const nlohmann::json& Cases() {
  static const auto* cases = [] {
    std::ifstream in(SourceFile("tests/engine/decoder/golden/t5.json"));
    return new nlohmann::json(nlohmann::json::parse(in));
  }();
  return *cases;
}

const nlohmann::json& Case(const std::string& name) {
  for (const auto& c : Cases()) {
    if (c["name"] == name) return c;
  }
  ADD_FAILURE() << "no case " << name;
  return Cases()[0];
}

FolderOptions WithTokenizer() {
  FolderOptions options;
  options.more["tokenizer.json"] = ByteTokenizerJson({"<pad>", "</s>"});
  return options;
}

void ExpectRefused(const absl::Status& status, StatusCode code, const std::vector<std::string>& words) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& word : words) {
    EXPECT_NE(std::string(status.message()).find(word), std::string::npos) << status << " lacks " << word;
  }
}

std::shared_ptr<LanguageModel> Load(const FamilyFolder& folder, const LoadOptions& options = {.threads = 1}) {
  auto model = LoadLanguageModel(folder.path(), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

struct Loaded {
  std::shared_ptr<cpu::ThreadPool> pool;
  std::unique_ptr<T5Model> model;
};

Loaded LoadModel(const FamilyFolder& folder, cpu::IsaLevel isa, int threads) {
  Loaded loaded;
  loaded.pool = std::make_shared<cpu::ThreadPool>(threads);
  const auto config = ReadHfT5Config(folder.path());
  EXPECT_TRUE(config.ok()) << config.status();
  auto model = T5Model::Load(SafetensorsSet::Open(folder.path() + "/model.safetensors").value(), *config,
                             /*check_values=*/true, {loaded.pool.get(), isa});
  EXPECT_TRUE(model.ok()) << model.status();
  loaded.model = *std::move(model);
  return loaded;
}

// The logits after each of the forced tokens.
std::vector<float> Forced(const T5Model& model, const std::vector<TokenId>& ids, const std::vector<TokenId>& forced) {
  auto state = model.Read(ids, static_cast<int64_t>(forced.size()), CallContext::Make()).value();
  std::vector<float> all;
  for (const TokenId token : forced) {
    const auto logits = model.Step(state.get(), token).value();
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

TEST(T5, LogitsAndGreedyTextsAreThoseOfTheReference) {
  for (const auto& golden : Cases()) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const FamilyFolder folder(golden, {});
    const Loaded loaded = LoadModel(folder, cpu::BestIsaLevel(), 1);
    EXPECT_EQ(loaded.model->parameters() > 50'000, true);
    for (const auto& input : golden["inputs"]) {
      const std::vector<TokenId> ids = input["ids"], forced = input["forced"], greedy = input["greedy"];
      const std::vector<float> logits = Forced(*loaded.model, ids, forced);
      double size = 0;
      for (const auto& [position, expected] : input["logits"].items()) {
        for (const double x : expected) size = std::max(size, std::fabs(x));
      }
      for (const auto& [position, expected] : input["logits"].items()) {
        for (size_t i = 0; i < expected.size(); ++i) {
          ASSERT_NEAR(logits[std::stoul(position) * 300 + i * 13], expected[i].get<double>(), 1e-4 * size)
              << "input of " << ids.size() << ", position " << position << ", token " << i * 13;
        }
      }
      auto state = loaded.model->Read(ids, static_cast<int64_t>(greedy.size()), CallContext::Make()).value();
      TokenId token = 0;
      for (size_t i = 0; i < greedy.size(); ++i) {
        const auto next = loaded.model->Step(state.get(), token).value();
        token = static_cast<TokenId>(std::max_element(next.begin(), next.end()) - next.begin());
        ASSERT_EQ(token, greedy[i]) << i;
      }
    }
  }
}

TEST(T5, ThreadsInstructionSetsAndRoomChangeNoBit) {
  const auto& golden = Case("t5-1.1");
  const FamilyFolder folder(golden, {});
  const std::vector<TokenId> ids = golden["inputs"][2]["ids"], forced = golden["inputs"][2]["forced"];
  const std::vector<float> expected = Forced(*LoadModel(folder, cpu::IsaLevel::kScalar, 1).model, ids, forced);
  for (const cpu::IsaLevel isa : cpu::AvailableIsaLevels()) {
    for (const int threads : {1, 2}) {
      const Loaded loaded = LoadModel(folder, isa, threads);
      EXPECT_EQ(Forced(*loaded.model, ids, forced), expected) << cpu::IsaLevelName(isa) << " " << threads;
    }
  }
  // A state with more room than it needs; its first tokens.
  const Loaded loaded = LoadModel(folder, cpu::BestIsaLevel(), 1);
  auto state = loaded.model->Read(ids, 200, CallContext::Make()).value();
  for (size_t i = 0; i < 20; ++i) {
    const auto logits = loaded.model->Step(state.get(), forced[i]).value();
    ASSERT_TRUE(std::equal(logits.begin(), logits.end(), expected.begin() + static_cast<ptrdiff_t>(i) * 300)) << i;
  }
}

TEST(T5, DistancesBackShareBucketsAsInTheReference) {
  // From transformers' T5Attention._relative_position_bucket(bidirectional=False).
  const std::pair<int64_t, int64_t> expected[] = {{0, 0},   {1, 1},    {15, 15},  {16, 16},  {17, 16},
                                                  {18, 16}, {19, 17},  {31, 21},  {32, 21},  {63, 26},
                                                  {64, 26}, {113, 31}, {127, 31}, {128, 31}, {4000, 31}};
  for (const auto& [back, bucket] : expected) EXPECT_EQ(CausalBucket(back, 32, 128), bucket) << back;
}

TEST(T5, AnswersThroughTheDoorOfEveryGenerator) {
  for (const auto& golden : Cases()) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const FamilyFolder folder(golden, WithTokenizer());
    const auto model = Load(folder);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().architecture, golden["config"]["model_type"]);
    EXPECT_EQ(model->info().max_tokens, 256);
    EXPECT_EQ(model->info().numeric_mode, "fp32");
    EXPECT_GT(model->info().memory_bytes, 4 * model->info().parameters);
    std::string streamed;
    const auto result =
        model->Generate({.prompt = "hello", .max_tokens = 30}, CallContext::Make(), [&](std::string_view piece) {
          streamed += piece;
          return true;
        });
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->prompt_tokens, 6);  // with the end of the input
    EXPECT_EQ(result->text, streamed);
    EXPECT_GT(result->completion_tokens, 0);
    // Messages are joined by an empty line.
    const GenerateRequest chat{.messages = {{"system", "he"}, {"user", "llo"}}, .max_tokens = 30};
    EXPECT_EQ(*model->RenderChat(chat.messages), "he\n\nllo");
    EXPECT_EQ(model->Generate(chat, CallContext::Make(), {})->text,
              model->Generate({.prompt = "he\n\nllo", .max_tokens = 30}, CallContext::Make(), {})->text);
    // Many at once are as each alone.
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        EXPECT_EQ(model->Generate({.prompt = "hello", .max_tokens = 30}, CallContext::Make(), {})->text, result->text);
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

TEST(T5, ScoresAreTheLogProbabilitiesOfWhatTheDecoderWouldWrite) {
  const FamilyFolder folder(Case("mt5"), WithTokenizer());
  const auto model = Load(folder);
  const Loaded loaded = LoadModel(folder, cpu::BestIsaLevel(), 1);
  const auto scores = model->ScoreTokens("in", "out", CallContext::Make());
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_EQ(scores->size(), 3u);
  const std::vector<float> logits = Forced(*loaded.model, {'i', 'n', 1}, {0, 'o', 'u'});
  for (size_t i = 0; i < 3; ++i) {
    double sum = 0;
    for (size_t v = 0; v < 300; ++v) sum += std::exp(static_cast<double>(logits[i * 300 + v]));
    EXPECT_EQ((*scores)[i].token.id, "out"[i]);
    EXPECT_NEAR((*scores)[i].logprob, logits[i * 300 + static_cast<size_t>("out"[i])] - std::log(sum), 1e-5);
  }
}

TEST(T5, SegmentsAreScoredByWhatTheDecoderMakesOfTheQuestion) {
  const FamilyFolder folder(Case("t5-1.1"), WithTokenizer());
  const auto model = Load(folder);
  const std::vector<std::string_view> segments = {"one ", "another "};
  SegmentScoreOptions options{.scoring = SegmentScoring::kQuestionLikelihood};
  const auto scores = model->ScoreSegments(segments, "which?", options, CallContext::Make());
  ASSERT_TRUE(scores.ok()) << scores.status();
  for (size_t i = 0; i < 2; ++i) {
    const auto tokens = model->ScoreTokens(segments[i], "which?", CallContext::Make()).value();
    double sum = 0;
    for (const TokenScore& token : tokens) sum += token.logprob;
    EXPECT_FLOAT_EQ((*scores)[i], static_cast<float>(sum / 6));
  }
  ExpectRefused(model->ScoreSegments(segments, "", options, CallContext::Make()).status(), StatusCode::kInvalidArgument,
                {"question"});
  const std::string longer(300, 'a');
  ExpectRefused(
      model->ScoreSegments(std::vector<std::string_view>{"a", longer}, "which?", options, CallContext::Make()).status(),
      StatusCode::kFailedPrecondition, {"segment 1", "301", "256"});
  options.scoring = SegmentScoring::kEntropy;
  ExpectRefused(model->ScoreSegments(segments, "which?", options, CallContext::Make()).status(),
                StatusCode::kUnimplemented, {"question likelihood"});
}

TEST(T5, LimitsCancelAndDeadlineAreHonoured) {
  const FamilyFolder folder(Case("t5"), WithTokenizer());
  const auto model = Load(folder);
  const auto status = [&](const GenerateRequest& request, const CallContext& call = CallContext::Make()) {
    return model->Generate(request, call, {}).status();
  };
  EXPECT_TRUE(status({.prompt = std::string(255, 'a'), .max_tokens = 1}).ok());
  ExpectRefused(status({.prompt = std::string(256, 'a'), .max_tokens = 1}), StatusCode::kFailedPrecondition,
                {"257", "256"});
  ExpectRefused(status({.prompt = "a", .max_tokens = 257}), StatusCode::kFailedPrecondition, {"257", "256"});
  ExpectRefused(status({.prompt = "a", .max_tokens = 0}), StatusCode::kInvalidArgument, {"max_tokens is 0"});
  ExpectRefused(status({.max_tokens = 1}), StatusCode::kInvalidArgument, {"neither"});
  ExpectRefused(status({.messages = {{"robot", "x"}}, .max_tokens = 1}), StatusCode::kInvalidArgument, {"'robot'"});
  ExpectRefused(status({.prompt = "a"}, CallContext(absl::Now() - absl::Seconds(1))), StatusCode::kDeadlineExceeded,
                {});
  const CallContext call = CallContext::Make();
  int seen = 0;
  const auto cancelled = model->Generate({.prompt = "hello", .max_tokens = 200}, call, [&](std::string_view) {
    if (++seen == 2) call.Cancel();
    return true;
  });
  EXPECT_EQ(cancelled.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(seen, 2);
  // The turn is free again.
  EXPECT_TRUE(status({.prompt = "a", .max_tokens = 1}).ok());
  EXPECT_EQ(model
                ->Generate({.prompt = "hello", .max_tokens = 200}, CallContext::Make(),
                           [](std::string_view) { return false; })
                .status()
                .code(),
            StatusCode::kCancelled);
}

TEST(T5, AFullQueueIsNamed) {
  const FamilyFolder folder(Case("t5"), WithTokenizer());
  const auto model = Load(folder, {.threads = 1, .queue_limit = 1});
  // While the first call holds the turn, of two more one may wait and the other is refused.
  std::vector<std::thread> others;
  std::atomic<int> refused{0}, answered{0};
  const auto other = [&] {
    const absl::Status status = model->Generate({.prompt = "a", .max_tokens = 1}, CallContext::Make(), {}).status();
    if (status.ok()) {
      ++answered;
    } else {
      ExpectRefused(status, StatusCode::kResourceExhausted, {"1 calls are waiting"});
      ++refused;
    }
  };
  const auto result =
      model->Generate({.prompt = "hello", .max_tokens = 40}, CallContext::Make(), [&](std::string_view) {
        if (others.empty()) {
          for (int i = 0; i < 2; ++i) others.emplace_back(other);
        }
        while (refused == 0) std::this_thread::yield();
        return true;
      });
  for (auto& thread : others) thread.join();
  EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(answered, 1);
}

TEST(T5, WrongOptionsAndFilesAreRefusedByName) {
  const auto& golden = Case("t5-1.1");
  const auto load = [&](const FolderOptions& options, LoadOptions how = {}) {
    const FamilyFolder folder(golden, options);
    return LoadLanguageModel(folder.path(), how).status();
  };
  EXPECT_TRUE(load(WithTokenizer()).ok());
  ExpectRefused(load(WithTokenizer(), {.numeric_mode = "fast"}), StatusCode::kInvalidArgument, {"'fast'", "fp32"});
  ExpectRefused(load(WithTokenizer(), {.kv_type = "int8"}), StatusCode::kInvalidArgument, {"'int8'", "f32"});
  ExpectRefused(load(WithTokenizer(), {.draft_path = "/x"}), StatusCode::kInvalidArgument, {"draft"});
  ExpectRefused(load(WithTokenizer(), {.memory_limit_bytes = 1000}), StatusCode::kResourceExhausted,
                {"1000", "weights"});
  FolderOptions options = WithTokenizer();
  options.without = {"decoder.block.1.layer.1.EncDecAttention.k.weight"};
  ExpectRefused(load(options), StatusCode::kNotFound, options.without);
  options = WithTokenizer();
  options.reshape = {{"encoder.block.0.layer.1.DenseReluDense.wi_1.weight", {96, 32}}};
  ExpectRefused(load(options), StatusCode::kInvalidArgument, {"wi_1", "[96, 32]"});
  options = WithTokenizer();
  options.changes = {{"num_layers", 1}, {"num_decoder_layers", 2}};
  ExpectRefused(load(options), StatusCode::kUnimplemented, {"'encoder.block.1."});
  options = WithTokenizer();
  options.changes = {{"model_type", "umt5"}};
  EXPECT_FALSE(load(options).ok());
  // Without a matrix of its own the head is the embedding.
  options = WithTokenizer();
  options.without = {"lm_head.weight"};
  EXPECT_TRUE(load(options).ok());
}

TEST(T5, NotANumberIsNamedAtLoadWhenAskedAndElseWhereItShows) {
  const FamilyFolder folder(Case("t5"), WithTokenizer());
  std::ifstream in(folder.path() + "/model.safetensors", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  bytes.replace(bytes.size() - 4, 4, "\0\0\xc0\x7f", 4);  // the last value of shared.weight
  folder.Put("model.safetensors", bytes);
  ExpectRefused(LoadLanguageModel(folder.path(), {.check_weights = true}).status(), StatusCode::kInvalidArgument,
                {"'shared.weight'", "nan"});
  const auto model = Load(folder);
  ExpectRefused(model->Generate({.prompt = "a", .max_tokens = 3}, CallContext::Make(), {}).status(),
                StatusCode::kInternal, {"'family."});
  EXPECT_EQ(model->ScoreTokens("a", "b", CallContext::Make()).status().code(), StatusCode::kInternal);
}

TEST(T5, ConfigurationsAreDistrusted) {
  const auto parse = [](const nlohmann::json& changes) {
    nlohmann::json config = Case("t5")["config"];
    config.merge_patch(changes);
    return ParseHfT5Config(config.dump(), "config.json").status();
  };
  EXPECT_TRUE(parse(nlohmann::json::object()).ok());
  for (const char* key : {"d_model", "d_kv", "d_ff", "num_layers", "num_heads", "vocab_size", "num_decoder_layers",
                          "relative_attention_num_buckets", "n_positions"}) {
    for (const nlohmann::json& value :
         {nlohmann::json(0), nlohmann::json(-1), nlohmann::json(1 << 30), nlohmann::json(1e99), nlohmann::json("64")}) {
      ExpectRefused(parse({{key, value}}), StatusCode::kInvalidArgument, {key});
    }
  }
  ExpectRefused(parse({{"feed_forward_proj", "gated-magic"}}), StatusCode::kUnimplemented, {"'gated-magic'"});
  ExpectRefused(parse({{"d_model", 72}}), StatusCode::kUnimplemented, {"72"});
  ExpectRefused(parse({{"relative_attention_num_buckets", 7}}), StatusCode::kInvalidArgument, {"even"});
  ExpectRefused(parse({{"relative_attention_max_distance", 16}}), StatusCode::kInvalidArgument, {"max_distance"});
  ExpectRefused(parse({{"eos_token_id", 300}}), StatusCode::kInvalidArgument, {"eos_token_id"});
  ExpectRefused(parse({{"eos_token_id", nlohmann::json::array({1, -1})}}), StatusCode::kInvalidArgument,
                {"eos_token_id"});
  ExpectRefused(parse({{"eos_token_id", nlohmann::json::array()}}), StatusCode::kInvalidArgument, {"eos_token_id"});
  ExpectRefused(parse({{"decoder_start_token_id", 300}}), StatusCode::kInvalidArgument, {"decoder_start"});
  ExpectRefused(ParseHfT5Config("[]", "x").status(), StatusCode::kInvalidArgument, {"object"});
}

TEST(T5, InspectionSaysWhatItIs) {
  const FamilyFolder folder(Case("mt5"), WithTokenizer());
  const auto info = InspectModel(folder.path(), Inspection::kTokenizer);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->kind, "encoder-decoder");
  EXPECT_TRUE(info->supported) << info->reason;
  EXPECT_EQ(info->model.architecture, "mt5");
  EXPECT_NE(info->description.find("decoder layers: 2"), std::string::npos) << info->description;
  FolderOptions options = WithTokenizer();
  options.changes = {{"feed_forward_proj", "gated-magic"}};
  const FamilyFolder other(Case("mt5"), options);
  const auto refused = InspectModel(other.path());
  ASSERT_TRUE(refused.ok());
  EXPECT_FALSE(refused->supported);
  EXPECT_NE(refused->reason.find("gated-magic"), std::string::npos);
}

}  // namespace
}  // namespace precis::engine
