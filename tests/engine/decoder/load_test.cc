// LoadLanguageModel's options and limits, and what users of the interface may try, over made-up models.
#include "precis/engine/load.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "precis/base/utf8.h"
#include "runtime/memory_plan.h"
#include "runtime/scheduler.h"
#include "tiny_file.h"

namespace precis::engine {
namespace {

using StatusCode = absl::StatusCode;

const TinyModel kSmall = {.layers = 1, .hidden = 32, .ffn = 48, .heads = 2, .kv_heads = 1};

std::shared_ptr<LanguageModel> Load(const TinyFile& file, const LoadOptions& options = {}) {
  auto model = LoadLanguageModel(file.path(), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

absl::StatusOr<GenerateResult> Answer(LanguageModel* model, const GenerateRequest& request) {
  return model->Generate(request, CallContext::Make(), {});
}

GenerateRequest Hot(uint64_t seed, int max_tokens = 60) {
  return {.prompt = "abcabc abcabc", .sampling = {.temperature = 1, .seed = seed}, .max_tokens = max_tokens};
}

void ExpectRefused(const absl::Status& status, StatusCode code, const std::vector<std::string>& words) {
  EXPECT_EQ(status.code(), code) << status;
  for (const std::string& word : words) {
    EXPECT_NE(std::string(status.message()).find(word), std::string::npos) << status << " lacks " << word;
  }
}

TEST(Load, WrongOptionsAreRefusedByName) {
  const TinyFile file({});
  const auto status = [&](const LoadOptions& options) { return LoadLanguageModel(file.path(), options).status(); };
  ExpectRefused(status({.kv_type = "f8"}), StatusCode::kInvalidArgument, {"kv_type", "f8", "int8"});
  ExpectRefused(status({.speculation = "maybe"}), StatusCode::kInvalidArgument, {"maybe", "lookup"});
  ExpectRefused(status({.speculation = "draft"}), StatusCode::kInvalidArgument, {"draft model"});
  ExpectRefused(status({.memory_limit_bytes = -1}), StatusCode::kInvalidArgument, {"memory_limit_bytes", "-1"});
  ExpectRefused(status({.draft_path = "/nowhere/d.gguf"}), StatusCode::kNotFound, {"/nowhere"});
}

TEST(Load, SpeculationOfEveryKindGivesTheSameTexts) {
  const TinyFile file({}), small(kSmall);
  auto off = Load(file, {.speculation = "off"});
  for (const LoadOptions& options :
       {LoadOptions{}, LoadOptions{.speculation = "lookup"}, LoadOptions{.draft_path = small.path()},
        LoadOptions{.speculation = "draft", .draft_path = file.path()},
        LoadOptions{.speculation = "lookup", .draft_path = "/not/even/there"}}) {
    auto model = Load(file, options);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->info().fingerprint, off->info().fingerprint);
    for (uint64_t seed = 0; seed < 4; ++seed) {
      EXPECT_EQ(Answer(model.get(), Hot(seed))->text, Answer(off.get(), Hot(seed))->text);
    }
  }
}

TEST(Load, ADraftModelOfAnotherVocabularyIsRefusedWithTheDifference) {
  TinyModel wide = kSmall;
  wide.vocabulary = 300;
  const TinyFile file({}), other(kSmall, 'x'), more(wide);
  ExpectRefused(LoadLanguageModel(file.path(), {.draft_path = other.path()}).status(), StatusCode::kFailedPrecondition,
                {"token 120", "'renamed'", "'x'", "same vocabulary"});
  ExpectRefused(LoadLanguageModel(file.path(), {.draft_path = more.path()}).status(), StatusCode::kFailedPrecondition,
                {"300", "272"});
}

TEST(Load, MemoryIsPlannedFromTheHeaderAndBounded) {
  for (const TensorType type : {TensorType::kF32, TensorType::kQ8_0, TensorType::kQ4_0}) {
    for (const char* arch : {"llama", "qwen2"}) {
      for (const bool exact : {false, true}) {
        const TinyModel tiny = {.arch = arch, .type = type};
        const auto file = MakeTinyModel(tiny);
        const auto decoder = LoadTiny(tiny, exact).value();
        const MemoryPlan plan = PlanMemory(file->tensors(), decoder->config(), exact, 8);
        EXPECT_GE(plan.weights, decoder->weights_bytes());
        EXPECT_LE(plan.weights, decoder->weights_bytes() * 11 / 10);
      }
    }
  }
  const TinyFile file({}), small(kSmall);
  const int64_t need = Load(file)->info().memory_bytes;
  EXPECT_GT(need, 0);
  EXPECT_NE(Load(file, {.memory_limit_bytes = need}), nullptr);
  ExpectRefused(LoadLanguageModel(file.path(), {.memory_limit_bytes = need - 1}).status(),
                StatusCode::kResourceExhausted, {std::to_string(need), std::to_string(need - 1), "key-value budget"});
  ExpectRefused(LoadLanguageModel(file.path(), {.draft_path = small.path(), .memory_limit_bytes = need}).status(),
                StatusCode::kResourceExhausted, {"draft model"});
  EXPECT_LT(Load(file, {.kv_budget_bytes = 200'000})->info().memory_bytes, need);
}

TEST(Load, KeysAndValuesOfAnotherTypeAreAnotherModel) {
  const TinyFile file({});
  auto f16 = Load(file), f32 = Load(file, {.kv_type = "f32"}), named = Load(file, {.kv_type = "f16"});
  auto exact = Load(file, {.numeric_mode = "exact"}),
       exact_f16 = Load(file, {.numeric_mode = "exact", .kv_type = "f16"});
  EXPECT_EQ(f16->info().fingerprint, named->info().fingerprint);
  EXPECT_NE(f16->info().fingerprint, f32->info().fingerprint);
  EXPECT_NE(exact->info().fingerprint, exact_f16->info().fingerprint);
  EXPECT_GT(f32->info().memory_bytes, f16->info().memory_bytes);
  auto int8 = Load(file, {.kv_type = "int8"});
  EXPECT_NE(int8->info().fingerprint, f16->info().fingerprint);
  EXPECT_LT(int8->info().memory_bytes, f16->info().memory_bytes);
  const auto score = [](LanguageModel* model) {
    return model->ScoreTokens("context ", "some text to score", CallContext::Make()).value();
  };
  double difference = 0, tokens = 0;
  for (const auto& [a, b] : {std::pair{f16, f32}, {exact_f16, exact}, {int8, f32}}) {
    const double before = difference;
    const auto x = score(a.get()), y = score(b.get());
    for (size_t i = 0; i < x.size(); ++i) {
      difference += std::abs(x[i].logprob - y[i].logprob);
      ++tokens;
    }
    EXPECT_GT(difference, before);  // the option reaches the cache
  }
  EXPECT_LT(difference / tokens, 0.2);
}

TEST(Load, TwoModelsWorkAtOnce) {
  const TinyFile file({}), small(kSmall);
  auto a = Load(file), b = Load(small);
  const std::string alone_a = Answer(a.get(), Hot(1, 200))->text, alone_b = Answer(b.get(), Hot(1, 200))->text;
  EXPECT_NE(alone_a, alone_b);
  std::string together_a, together_b;
  std::thread thread([&] { together_a = Answer(a.get(), Hot(1, 200))->text; });
  together_b = Answer(b.get(), Hot(1, 200))->text;
  thread.join();
  EXPECT_EQ(together_a, alone_a);
  EXPECT_EQ(together_b, alone_b);
}

TEST(Limits, MaxTokensOfZeroAndOfTwoToTheThirtyFirst) {
  const TinyFile file({});
  auto model = Load(file);
  ExpectRefused(Answer(model.get(), Hot(1, 0)).status(), StatusCode::kInvalidArgument, {"max_tokens is 0"});
  ExpectRefused(Answer(model.get(), Hot(1, static_cast<int>(2147483648u))).status(), StatusCode::kInvalidArgument,
                {"-2147483648"});
  ExpectRefused(Answer(model.get(), Hot(1, 2147483647)).status(), StatusCode::kFailedPrecondition,
                {"2147483647", "512", "13 tokens"});
}

TEST(Limits, PromptPastTheWindowIsRefusedWithAllNumbers) {
  const TinyFile file({});
  auto model = Load(file);
  GenerateRequest request = Hot(1, 12);
  request.prompt = std::string(501, 'a');
  ExpectRefused(Answer(model.get(), request).status(), StatusCode::kFailedPrecondition,
                {"501", "12", "512", "shorten"});
  request.prompt = std::string(500, 'a');
  EXPECT_EQ(Answer(model.get(), request)->prompt_tokens, 500);
  ExpectRefused(model->ScoreTokens("", std::string(513, 'a'), CallContext::Make()).status(),
                StatusCode::kFailedPrecondition, {"513", "512"});
}

TEST(Limits, BytesThatAreNoTextComeInAndTextGoesOut) {
  const TinyFile file({});
  auto model = Load(file);
  int pieces = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    GenerateRequest request = Hot(seed, 100);
    request.prompt = std::string("\xff\xfe\x80\x00 caf\xc3", 10);
    std::string all;
    // A model over bytes says many that are no UTF-8.
    const auto result = model->Generate(request, CallContext::Make(), [&](std::string_view piece) {
      EXPECT_TRUE(IsValidUtf8(piece));
      all += piece;
      ++pieces;
      return true;
    });
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->text, all);
    EXPECT_EQ(result->prompt_tokens, 10);
  }
  EXPECT_GT(pieces, 50);
}

TEST(Limits, StopStringsEndTheTextWhereverTokensEnd) {
  const TinyFile file({});
  for (const char* speculation : {"off", "lookup"}) {
    auto model = Load(file, {.speculation = speculation});
    for (uint64_t seed = 0; seed < 8; ++seed) {
      GenerateRequest request = Hot(seed, 80);
      const std::string whole = Answer(model.get(), request)->text;
      // Every token is a byte: any stop string of some characters lies across tokens.
      const size_t begin = FloorToCharBoundary(whole, whole.size() / 2);
      const size_t end = FloorToCharBoundary(whole, std::min(whole.size(), begin + 9));
      ASSERT_LT(begin, end);
      request.stop = {"never said", whole.substr(begin, end - begin)};
      const auto result = Answer(model.get(), request);
      ASSERT_TRUE(result.ok());
      EXPECT_EQ(result->text, whole.substr(0, whole.find(request.stop[1])));
      EXPECT_EQ(result->finish, FinishReason::kStopString);
    }
  }
}

}  // namespace
}  // namespace precis::engine
