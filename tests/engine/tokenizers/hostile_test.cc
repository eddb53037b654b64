// Tokenizer files that lie give a sentence that names what is wrong.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "engine/formats/gguf_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/tokenizers/test_models.h"
#include "tokenizers/decoder.h"
#include "tokenizers/gguf_tokenizer.h"
#include "tokenizers/precompiled.h"
#include "tokenizers/tokenizer_json.h"

namespace precis::engine {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

constexpr const char* kGood = R"({
  "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
  "normalizer": {"type": "NFC"},
  "pre_tokenizer": {"type": "Digits", "individual_digits": true},
  "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                     "special_tokens": {"<s>": {"ids": [3]}}},
  "decoder": {"type": "Fuse"},
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
})";

TEST(TokenizerJson, TheSmallFileThatTheOthersAreMadeFromLoads) {
  const auto tokenizer = TokenizerFromJson(kGood, "", "good");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(*(*tokenizer)->Encode("abb", {.add_special = true}), testing::ElementsAre(3, 2, 1));
}

struct Lie {
  const char* from;
  const char* to;
  StatusCode code;
  const char* says;
};

TEST(TokenizerJson, EveryLieIsRefusedWithItsName) {
  const Lie lies[] = {
      {"\"b\": 1", "\"b\": 0", StatusCode::kInvalidArgument, "same id 0"},
      {"\"b\": 1", "\"a\": 1", StatusCode::kInvalidArgument, "twice"},
      {"\"b\": 1", "\"b\": -1", StatusCode::kInvalidArgument, "-1"},
      {"\"b\": 1", "\"b\": 4294967296", StatusCode::kInvalidArgument, "4294967296"},
      {"\"b\": 1", "\"b\": 18446744073709551615", StatusCode::kInvalidArgument, "18446744073709551615"},
      {"\"b\": 1", "\"b\": 1.5", StatusCode::kInvalidArgument, "1.5"},
      {"\"a b\"", "\"a x\"", StatusCode::kInvalidArgument, "a x"},
      {"\"a b\"", "\"ab\"", StatusCode::kInvalidArgument, "merges[0]"},
      {"\"a b\"", "\"b a\"", StatusCode::kInvalidArgument, "merge 0"},
      {"\"a b\"", "7", StatusCode::kInvalidArgument, "merges[0]"},
      {"[\"a b\"]", "{}", StatusCode::kInvalidArgument, "model.merges"},
      {"\"id\": 3,", "\"id\": 30000000,", StatusCode::kInvalidArgument, "30000000"},
      {"\"content\": \"<s>\"", "\"content\": \"\"", StatusCode::kInvalidArgument, "added token 3"},
      {"\"ids\": [3]", "\"ids\": [9]", StatusCode::kInvalidArgument, "id 9"},
      {"\"ids\": [3]", "\"ids\": []", StatusCode::kInvalidArgument, "<s>"},
      {"{\"Sequence\": {\"id\": \"A\"}}", "{\"SpecialToken\": {\"id\": \"<s>\"}}", StatusCode::kInvalidArgument,
       "leaves out the text"},
      {"\"BPE\"", "\"Oracle\"", StatusCode::kUnimplemented, "Oracle"},
      {"{\"type\": \"NFC\"}", "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"?\"}",
       StatusCode::kInvalidArgument, "base64"},
      {"{\"type\": \"NFC\"}", "{\"type\": \"Precompiled\"}", StatusCode::kInvalidArgument, "0 bytes"},
      {"{\"type\": \"NFC\"}", "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {3,}\"}, \"content\": \" \"}",
       StatusCode::kUnimplemented, " {3,}"},
      {"\"NFC\"", "\"Nmt\"", StatusCode::kUnimplemented, "Nmt"},
      {"\"Digits\"", "\"CharDelimiterSplit\"", StatusCode::kUnimplemented, "CharDelimiterSplit"},
      {"\"Fuse\"", "\"CTC\"", StatusCode::kUnimplemented, "CTC"},
      {"\"TemplateProcessing\"", "\"Fancy\"", StatusCode::kUnimplemented, "Fancy"},
      {"\"type\": \"BPE\"", "\"dropout\": 0.1, \"type\": \"BPE\"", StatusCode::kUnimplemented, "dropout"},
      {"\"type\": \"BPE\"", "\"unk_token\": \"?\", \"type\": \"BPE\"", StatusCode::kInvalidArgument, "unk_token"},
      {"\"type\": \"BPE\"", "\"end_of_word_suffix\": \"</w>\", \"type\": \"BPE\"", StatusCode::kUnimplemented, "</w>"},
      {"{\"type\": \"Digits\", \"individual_digits\": true}",
       "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"[a-z]+\"}, \"behavior\": \"Isolated\", \"invert\": false}",
       StatusCode::kUnimplemented, "[a-z]+"},
      {"\"type\": \"BPE\"", "\"type\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
       StatusCode::kInvalidArgument, "levels"},
      {"\"model\": {", "\"modle\": {", StatusCode::kInvalidArgument, "model"},
  };
  for (const Lie& lie : lies) {
    const std::string json = ReplaceAll(kGood, lie.from, lie.to);
    ASSERT_NE(json, kGood) << lie.from;
    const auto tokenizer = TokenizerFromJson(json, "", "file.json");
    EXPECT_EQ(tokenizer.status().code(), lie.code) << lie.to << ": " << tokenizer.status();
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(lie.says)) << lie.to;
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr("file.json")) << lie.to;
  }
}

std::string Number(uint32_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

constexpr uint32_t kValue = 1u << 31;

TEST(Precompiled, LiesAreRefused) {
  const auto refused = [](const std::string& map, const char* says) {
    const auto made = MakePrecompiled(map);
    EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument) << says;
    EXPECT_THAT(std::string(made.status().message()), HasSubstr(says));
  };
  EXPECT_TRUE(MakePrecompiled(Number(4) + Number(kValue) + "x").ok());
  refused("abc", "3 bytes");
  refused(Number(0), "array of 0 bytes");
  refused(Number(6) + "12345678", "array of 6 bytes");
  refused(Number(8) + Number(0), "array of 8 bytes");
  refused(Number(UINT32_MAX - 3) + Number(0), "array of 4294967292 bytes");
  refused(Number(4) + Number(0) + "\xFF", "no UTF-8");
  refused(Number(4) + Number(kValue | 1) + "x", "at 1");
  refused(Number(4) + Number(kValue | 1) + "\xC3\xA9", "at 1");
  refused(Number(4) + Number(kValue) + std::string(65, 'x'), "64 bytes");
  EXPECT_TRUE(MakePrecompiled(Number(4) + Number(kValue) + std::string(64, 'x')).ok());
}

TEST(Precompiled, AnyArrayIsWalkedWithinItsBounds) {
  std::mt19937 random(17);
  int made = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string units;
    for (size_t i = 1 + random() % 300; i > 0; --i) {
      // Labels that match, keys that end, values in and out of place, and offsets that lead anywhere.
      uint32_t unit = random() % 256 | (random() % 2) << 8 | (random() % 512) << 10 | (random() % 16 == 0 ? 0x200 : 0);
      if (random() % 4 == 0) unit = kValue | random() % 7;
      units += Number(unit);
    }
    const auto step = MakePrecompiled(Number(static_cast<uint32_t>(units.size())) + units + std::string("one\0two", 7));
    if (!step.ok()) continue;
    ++made;
    std::string text;
    for (int i = 0; i < 40; ++i) text += static_cast<char>(random());
    AlignedText aligned(text, {0, 40}, true);
    (*step)->Apply(&aligned);
    for (uint32_t i = 0; i < aligned.bytes().size(); ++i) ASSERT_LE(aligned.SourceRange(i, i + 1).end, 40);
  }
  EXPECT_GT(made, 300);
}

TEST(TokenizerJson, CutOffFilesAreRefused) {
  const std::string good = kGood;
  for (size_t length = 0; length + 1 < good.size(); ++length) {
    EXPECT_FALSE(TokenizerFromJson(good.substr(0, length), "", "cut").ok()) << length;
  }
}

GgufWriter SmallGguf(const char* model) {
  GgufWriter writer;
  writer.Add("general.architecture", "llama");
  writer.Add("tokenizer.ggml.model", model);
  return writer;
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> Load(GgufWriter writer) {
  auto file = GgufFile::FromBytes(writer.Finish(), "tiny.gguf");
  if (!file.ok()) return file.status();
  return TokenizerFromGguf(**file);
}

TEST(TokenizerGguf, LiesAreRefusedWithTheKey) {
  const std::vector<std::string> tokens = {"a", "b", "ab", "<s>"};
  const auto refused = [](GgufWriter writer, StatusCode code, const char* says) {
    const auto tokenizer = Load(std::move(writer));
    EXPECT_EQ(tokenizer.status().code(), code) << says << ": " << tokenizer.status();
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr(says));
    EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr("tiny.gguf"));
  };
  refused(SmallGguf("rwkv"), StatusCode::kUnimplemented, "rwkv");
  refused(SmallGguf("gpt2"), StatusCode::kNotFound, "tokenizer.ggml.tokens");

  GgufWriter no_pre = SmallGguf("gpt2");
  no_pre.Add("tokenizer.ggml.tokens", tokens);
  no_pre.Add("tokenizer.ggml.pre", "mystery");
  refused(std::move(no_pre), StatusCode::kUnimplemented, "mystery");

  const auto byte_level = [&](const std::vector<std::string>& merges) {
    GgufWriter writer = SmallGguf("gpt2");
    writer.Add("tokenizer.ggml.tokens", tokens);
    writer.Add("tokenizer.ggml.pre", "gpt-2");
    writer.Add("tokenizer.ggml.merges", merges);
    return writer;
  };
  EXPECT_TRUE(Load(byte_level({"a b"})).ok());
  refused(byte_level({"a"}), StatusCode::kInvalidArgument, "merges[0]");
  refused(byte_level({"a x"}), StatusCode::kInvalidArgument, "merge 0");
  refused(byte_level({"b a"}), StatusCode::kInvalidArgument, "merge 0");

  GgufWriter types = byte_level({"a b"});
  types.Add("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1});
  refused(std::move(types), StatusCode::kInvalidArgument, "token_type");

  GgufWriter bos = byte_level({"a b"});
  bos.Add("tokenizer.ggml.bos_token_id", uint32_t{4});
  refused(std::move(bos), StatusCode::kInvalidArgument, "bos_token_id is 4");

  GgufWriter nameless = byte_level({"a b"});
  nameless.Add("tokenizer.ggml.add_bos_token", true);
  refused(std::move(nameless), StatusCode::kInvalidArgument, "add_bos_token");

  GgufWriter scores = SmallGguf("llama");
  scores.Add("tokenizer.ggml.tokens", tokens);
  scores.Add("tokenizer.ggml.scores", std::vector<float>{0, 0, __builtin_nanf(""), 0});
  refused(std::move(scores), StatusCode::kInvalidArgument, "score of token 2");

  GgufWriter few = SmallGguf("llama");
  few.Add("tokenizer.ggml.tokens", tokens);
  few.Add("tokenizer.ggml.scores", std::vector<float>{0});
  refused(std::move(few), StatusCode::kInvalidArgument, "1 scores");

  GgufWriter bytes = SmallGguf("llama");
  bytes.Add("tokenizer.ggml.tokens", tokens);
  bytes.Add("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, 0});
  bytes.Add("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1, 1, 6});
  refused(std::move(bytes), StatusCode::kInvalidArgument, "token 3");

  GgufWriter bert = SmallGguf("bert");
  bert.Add("tokenizer.ggml.tokens", tokens);
  refused(std::move(bert), StatusCode::kInvalidArgument, "unknown token");
}

TEST(LoadTokenizer, SaysWhatIsMissing) {
  EXPECT_EQ(LoadTokenizer("/nonexistent/model").status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(LoadTokenizer(GoldenFolder()).ok());
}

}  // namespace
}  // namespace precis::engine
