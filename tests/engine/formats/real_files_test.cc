// The readers on the models that users run. Skipped, model by model, where one is not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "formats/dequantize.h"
#include "formats/gguf.h"
#include "formats/hf_config.h"
#include "formats/model_files.h"
#include "formats/safetensors.h"
#include "precis/base/hash.h"

namespace precis::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::string ModelFolder(const std::string& name) {
  const char* folder = std::getenv("PRECIS_TEST_MODELS");
  if (folder != nullptr && *folder != '\0') return std::string(folder) + "/" + name;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "." : home) + "/.local/share/precis/models/" + name;
}

bool IsThere(const std::string& name) { return std::filesystem::exists(ModelFolder(name)); }

std::map<std::string, int> CountTypes(const TensorTable& tensors) {
  std::map<std::string, int> counts;
  for (const TensorView& tensor : tensors.all()) ++counts[TypeName(tensor.type)];
  return counts;
}

// Made by golden/make_real_rows.py.
struct RealRow {
  const char* model;
  const char* tensor;
  TensorType type;
  std::vector<int64_t> shape;
  const char* sha256;  // of the first row as floats, its first 16 digits
};
const RealRow kRealRows[] = {
    {"smollm2-135m-instruct", "token_embd.weight", TensorType::kQ8_0, {49152, 576}, "26dcd2878a03be35"},
    {"smollm2-135m-instruct", "blk.0.attn_norm.weight", TensorType::kF32, {576}, "2469079d969a3618"},
    {"smollm2-135m-instruct", "blk.0.ffn_down.weight", TensorType::kQ4_1, {576, 1536}, "168936b388b5149f"},
    {"qwen2.5-coder-0.5b-instruct", "output.weight", TensorType::kQ8_0, {151936, 896}, "41f3ea1466e9ffba"},
    {"qwen2.5-coder-0.5b-instruct", "token_embd.weight", TensorType::kQ5_0, {151936, 896}, "b34c3210c6666918"},
    {"qwen2.5-coder-0.5b-instruct", "blk.0.attn_norm.weight", TensorType::kF32, {896}, "bfb2ba51f371be6b"},
    {"qwen2.5-coder-0.5b-instruct", "blk.0.ffn_down.weight", TensorType::kQ6_K, {896, 4864}, "f4fa60cfc0aa9255"},
    {"qwen2.5-coder-0.5b-instruct", "blk.11.ffn_down.weight", TensorType::kQ4_K, {896, 4864}, "a0ee10ebf1441f19"},
    {"gemma-3-270m", "output_norm.weight", TensorType::kF32, {640}, "7c6f10fe176e85ae"},
    {"gemma-3-270m", "token_embd.weight", TensorType::kQ8_0, {262144, 640}, "0b00ec365093e2cd"},
    {"gemma-3-270m", "blk.0.attn_k.weight", TensorType::kQ5_0, {256, 640}, "02d02aa649016654"},
    {"gemma-3-270m", "blk.0.attn_output.weight", TensorType::kQ4_K, {640, 1024}, "7508e22c548ba80b"},
    {"gemma-3-270m", "blk.0.ffn_down.weight", TensorType::kQ6_K, {640, 2048}, "86b2b7cf93c63935"},
};

TEST(RealFiles, FirstRowsEqualTheReferenceBitByBit) {
  int rows = 0;
  for (const RealRow& expected : kRealRows) {
    if (!IsThere(expected.model)) continue;
    SCOPED_TRACE(std::string(expected.model) + " " + expected.tensor);
    const auto files = FindModelFiles(ModelFolder(expected.model));
    ASSERT_TRUE(files.ok()) << files.status();
    const auto file = GgufFile::Open(files->gguf);
    ASSERT_TRUE(file.ok()) << file.status();
    const auto tensor = (*file)->tensors().Get(expected.tensor, expected.shape);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ((*tensor)->type, expected.type);
    std::vector<float> row(static_cast<size_t>((*tensor)->columns()));
    ASSERT_TRUE(DequantizeRow((*tensor)->type, (*tensor)->row(0), row).ok());
    const std::string_view bytes(reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float));
    EXPECT_EQ(Sha256Hex(bytes).substr(0, 16), expected.sha256);
    ++rows;
  }
  if (rows == 0) GTEST_SKIP() << "no GGUF model in " << ModelFolder("");
}

TEST(RealFiles, SmolLm2IsReadWhole) {
  if (!IsThere("smollm2-135m-instruct")) GTEST_SKIP() << "model smollm2-135m-instruct is not there";
  const auto file = GgufFile::Open(ModelFolder("smollm2-135m-instruct") + "/model.gguf");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*(*file)->Architecture(), "llama");
  EXPECT_EQ(*(*file)->GetU32("llama.block_count"), 30u);
  EXPECT_EQ(*(*file)->GetU32("llama.embedding_length"), 576u);
  EXPECT_EQ(*(*file)->GetF32("llama.rope.freq_base"), 100000.0f);
  EXPECT_EQ((*file)->GetStrings("tokenizer.ggml.tokens")->size(), 49152u);
  EXPECT_EQ((*file)->GetI32s("tokenizer.ggml.token_type")->size(), 49152u);
  EXPECT_THAT(CountTypes((*file)->tensors()), ElementsAre(Pair("F32", 61), Pair("Q4_1", 210), Pair("Q8_0", 1)));
}

TEST(RealFiles, MiniLmIsReadWhole) {
  if (!IsThere("all-minilm-l6-v2")) GTEST_SKIP() << "model all-minilm-l6-v2 is not there";
  const std::string folder = ModelFolder("all-minilm-l6-v2");
  const auto config = ReadHfEncoderConfig(folder);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->hidden_size, 384);
  EXPECT_EQ(config->layers, 6);
  EXPECT_EQ(config->pooling, Pooling::kMean);
  EXPECT_TRUE(config->normalize);
  EXPECT_EQ(config->max_tokens, 256);
  const auto file = SafetensorsFile::Open(folder + "/model.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(CountTypes((*file)->tensors()), ElementsAre(Pair("F32", 103), Pair("I64", 1)));
  const auto words = (*file)->tensors().Get("embeddings.word_embeddings.weight", {30522, 384});
  ASSERT_TRUE(words.ok()) << words.status();
  // Unlike GGUF, safetensors promises no alignment: the copy is what makes the floats readable.
  std::vector<float> row(384);
  ASSERT_TRUE(DequantizeRow((*words)->type, (*words)->row(101), row).ok());
}

TEST(RealFiles, ReleasedPagesCanStillBeRead) {
  if (!IsThere("smollm2-135m-instruct")) GTEST_SKIP() << "model smollm2-135m-instruct is not there";
  const auto file = GgufFile::Open(ModelFolder("smollm2-135m-instruct") + "/model.gguf");
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorView& tensor = *(*file)->tensors().Find("blk.0.ffn_down.weight");
  const std::string before = Sha256Hex(tensor.bytes);
  (*file)->Release(tensor);
  EXPECT_EQ(Sha256Hex(tensor.bytes), before);
}

}  // namespace
}  // namespace precis::engine
