// The real all-MiniLM-L6-v2 against a double-precision NumPy reference (golden/make_minilm_golden.py).
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpu/isa.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "precis/base/file.h"
#include "precis/base/hash.h"
#include "precis/engine/load.h"
#include "source_file.h"
#include "test_util.h"

namespace precis::engine {
namespace {

std::string ModelFolder() {
  const char* models = std::getenv("PRECIS_TEST_MODELS");
  if (models != nullptr && *models != '\0') return std::string(models) + "/all-minilm-l6-v2";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "") + "/.local/share/precis/models/all-minilm-l6-v2";
}

class MiniLm : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(ModelFolder() + "/model.safetensors")) {
      GTEST_SKIP() << "all-minilm-l6-v2 is not in the models folder";
    }
    const auto text = ReadFile(SourceFile("tests/engine/encoder/golden/minilm_golden.json"), int64_t{1} << 20);
    ASSERT_TRUE(text.ok()) << text.status();
    golden_ = nlohmann::json::parse(*text);
  }

  static std::shared_ptr<Embedder> Load(LoadOptions options = {}) {
    auto embedder = LoadEmbedder(ModelFolder(), options);
    EXPECT_TRUE(embedder.ok()) << embedder.status();
    return *std::move(embedder);
  }

  static Embedding Embed(Embedder& embedder, std::string_view text, const EmbedOptions& options = {}) {
    auto result = embedder.Embed({&text, 1}, options, CallContext());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? (*std::move(result))[0] : Embedding{};
  }

  static double Cosine(const std::vector<float>& a, const nlohmann::json& b) {
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double y = b[i].get<double>();
      dot += a[i] * y;
      aa += static_cast<double>(a[i]) * a[i];
      bb += y * y;
    }
    return dot / std::sqrt(aa * bb);
  }

  void ExpectBatchEqualsOneByOne(const char* mode);

  nlohmann::json golden_;
};

TEST_F(MiniLm, VectorsEqualTheReferenceForTextsOfEveryKind) {
  const auto embedder = Load();
  double worst = 1;
  for (const auto& entry : golden_) {
    const std::string text = entry["text"];
    const int64_t tokens = entry["tokens"];
    if (entry.contains("vector")) {
      const Embedding e = Embed(*embedder, text);
      EXPECT_EQ(e.tokens_total, tokens) << text;
      worst = std::min(worst, Cosine(e.vector, entry["vector"]));
    } else {
      const Embedding cut = Embed(*embedder, text, {.long_input = LongInput::kTruncate});
      EXPECT_TRUE(cut.truncated);
      EXPECT_EQ(cut.tokens_total, tokens);
      EXPECT_EQ(cut.tokens_used, 256);
      worst = std::min(worst, Cosine(cut.vector, entry["truncated"]));
      const Embedding split = Embed(*embedder, text, {.long_input = LongInput::kSplitAndPool});
      worst = std::min(worst, Cosine(split.vector, entry["split"]));
      const std::string_view view = text;
      EXPECT_EQ(embedder->Embed({&view, 1}, {}, CallContext()).status().code(), absl::StatusCode::kInvalidArgument);
    }
  }
  RecordProperty("worst_distance", absl::StrCat(1 - worst));
  EXPECT_GE(worst, 0.999999);
}

TEST_F(MiniLm, IntegersStayNearTheReference) {
  const auto embedder = Load({.numeric_mode = "int8-v1"});
  double worst = 1, sum = 0;
  int count = 0;
  for (const auto& entry : golden_) {
    const char* vector = entry.contains("vector") ? "vector" : "truncated";
    const Embedding e = Embed(*embedder, entry["text"].get<std::string>(), {.long_input = LongInput::kTruncate});
    const double cosine = Cosine(e.vector, entry[vector]);
    worst = std::min(worst, cosine);
    sum += cosine;
    ++count;
  }
  RecordProperty("mean_distance", absl::StrCat(1 - sum / count));
  RecordProperty("worst_distance", absl::StrCat(1 - worst));
  // Odd texts (one word, emoji, no Latin letters) are farther away than articles, whose mean is 0.9995.
  EXPECT_GE(sum / count, 0.9985);
  EXPECT_GE(worst, 0.995);
}

TEST_F(MiniLm, OneHashOnEveryInstructionSet) {
  // Short texts: the scalar reference takes its time.
  const std::vector<std::string_view> texts = {"", "Hello, world!", "What is the capital of France?",
                                               "It is not true that the engine never stops."};
  const auto hash = [&](Embedder& embedder) {
    const auto embeddings = embedder.Embed(texts, {}, CallContext());
    EXPECT_TRUE(embeddings.ok()) << embeddings.status();
    Hasher hasher;
    for (const Embedding& e : *embeddings) {
      hasher.Raw({reinterpret_cast<const char*>(e.vector.data()), e.vector.size() * sizeof(float)});
    }
    return hasher.FinishHex();
  };
  // The bits of version "encoder-fp32-1": when they change, its name must change too (runtime/encoder_fingerprint.h).
  // Those of integers also change with it, or get a numeric mode of a new name.
  const std::pair<const char*, const char*> modes[] = {
      {"fp32", "2ae9b83abc403f351e3c0f6217ce97e9335b034c878d3fe6a7f23235c134e8f2"},
      {"int8-v1", "febdea500d71b4b18fd1967d18ec0ff3ee8746e1fa0ecb84b4a6cec6a2bfabe5"}};
  for (const auto& [mode, expected] : modes) {
    for (const cpu::IsaLevel level : cpu::AvailableIsaLevels()) {
      LoadOptions options;
      options.numeric_mode = mode;
      options.isa = level == cpu::IsaLevel::kScalar ? Isa::kScalar
                    : level == cpu::IsaLevel::kAvx2 ? Isa::kAvx2
                                                    : Isa::kAvx512;
      EXPECT_EQ(hash(*Load(options)), expected) << mode << " " << cpu::IsaLevelName(level);
    }
  }
}

TEST_F(MiniLm, BatchOfAllEqualsOneByOneBitwiseAndThreadsDoNotMatter) {
  ExpectBatchEqualsOneByOne("fp32");
  ExpectBatchEqualsOneByOne("int8-v1");
}

void MiniLm::ExpectBatchEqualsOneByOne(const char* mode) {
  const auto one = Load({.threads = 1, .numeric_mode = mode}), two = Load({.threads = 2, .numeric_mode = mode});
  std::vector<std::string> texts;
  for (size_t i = 0; i < golden_.size(); i += 3) texts.push_back(golden_[i]["text"]);  // long ones among them
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const EmbedOptions options{.long_input = LongInput::kSplitAndPool};
  const auto batch_one = one->Embed(views, options, CallContext());
  const auto batch_two = two->Embed(views, options, CallContext());
  ASSERT_TRUE(batch_one.ok() && batch_two.ok());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_TRUE(SameBits((*batch_one)[i].vector, (*batch_two)[i].vector)) << texts[i];
    EXPECT_TRUE(SameBits((*batch_one)[i].vector, Embed(*one, texts[i], options).vector)) << texts[i];
  }
}

TEST_F(MiniLm, InfoSaysWhatWasLoaded) {
  const auto embedder = Load({.check_weights = true});
  const ModelInfo& info = embedder->info();
  EXPECT_EQ(info.name, "all-minilm-l6-v2");
  EXPECT_EQ(info.architecture, "bert");
  EXPECT_EQ(info.dimensions, 384);
  EXPECT_EQ(info.max_tokens, 256);
  EXPECT_EQ(info.pooling, "mean");
  EXPECT_EQ(info.numeric_mode, "fp32");
  EXPECT_EQ(info.tokenizer_fingerprint, embedder->tokenizer().fingerprint());
  EXPECT_EQ(info.fingerprint.size(), 64u);
  EXPECT_GT(info.parameters, 22'000'000);
  EXPECT_EQ(info.weights_bytes, 90868376);
  const auto integers = Load({.numeric_mode = "int8-v1"});
  EXPECT_EQ(integers->info().numeric_mode, "int8-v1");
  EXPECT_NE(integers->info().fingerprint, info.fingerprint);
  EXPECT_NE(Load({.query_prefix = "query: ", .temperature = 0.9f})->info().fingerprint, info.fingerprint);
  EXPECT_EQ(Load({.name = "other", .threads = 1, .isa = Isa::kScalar})->info().fingerprint, info.fingerprint);
}

TEST_F(MiniLm, OptionsOutOfRangeAreRefused) {
  for (const LoadOptions& options :
       {LoadOptions{.threads = -1}, LoadOptions{.numeric_mode = "int4"}, LoadOptions{.temperature = 0.0f},
        LoadOptions{.temperature = -1.0f}, LoadOptions{.temperature = NAN}, LoadOptions{.temperature = INFINITY}}) {
    EXPECT_EQ(LoadEmbedder(ModelFolder(), options).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace precis::engine
