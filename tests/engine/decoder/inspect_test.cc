// InspectModel: what `precis model info` shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "byte_tokenizer.h"
#include "family_model.h"
#include "models/decoder.h"
#include "precis/engine/load.h"
#include "real_models.h"

namespace precis::engine {
namespace {

using ::testing::HasSubstr;

FolderOptions WithTokenizer() { return {.more = {{"tokenizer.json", ByteTokenizerJson({"<|endoftext|>"})}}}; }

ModelFileInfo Inspect(const std::string& path, Inspection inspection = Inspection::kTokenizer) {
  const auto info = InspectModel(path, inspection);
  EXPECT_TRUE(info.ok()) << info.status();
  return info.ok() ? *info : ModelFileInfo{};
}

void ExpectNotSupported(const ModelFileInfo& info, const char* reason) {
  EXPECT_FALSE(info.supported);
  EXPECT_THAT(info.reason, HasSubstr(reason));
}

TEST(Inspect, EveryFamilyIsSupportedAndItsNeedsAreKnown) {
  for (const auto& golden : FamilyCases()) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    const FamilyFolder folder(golden, WithTokenizer());
    const ModelFileInfo info = Inspect(folder.path());
    EXPECT_TRUE(info.supported) << info.reason;
    EXPECT_EQ(info.kind, "decoder");
    const auto files = folder.Open();
    const auto decoder = Decoder::Load(*files, false, cpu::BestIsaLevel(), false, std::make_shared<cpu::ThreadPool>(1));
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    // Norms and biases are the rest.
    EXPECT_GE(info.memory_bytes, (*decoder)->weights_bytes());
    EXPECT_LT(info.memory_bytes, (*decoder)->weights_bytes() + 16384);
    EXPECT_EQ(info.kv_bytes_per_token * 64, (*decoder)->kv_layout().page_bytes());
    EXPECT_EQ(info.model.max_tokens, (*decoder)->config().context);
    EXPECT_EQ(info.model.architecture, (*decoder)->config().architecture);
    EXPECT_GT(info.model.parameters, 100000);
    EXPECT_THAT(info.description, HasSubstr("format: Hugging Face folder"));
    EXPECT_THAT(info.description, HasSubstr("rotary positions: base"));
  }
}

TEST(Inspect, TheOneReasonIsNamed) {
  const auto with = [](nlohmann::json changes) {
    FolderOptions options = WithTokenizer();
    options.changes = std::move(changes);
    return options;
  };
  const auto inspect = [](const FolderOptions& options) {
    const FamilyFolder folder(FamilyCase("llama2"), options);
    return Inspect(folder.path());
  };
  ExpectNotSupported(inspect(with({{"model_type", "mamba"}})), "decoders of the types llama, mistral");
  ExpectNotSupported(inspect(with({{"rope_parameters", {{"rope_type", "magic"}}}})), "rope_type is 'magic'");
  ExpectNotSupported(inspect(with({{"quantization_config", {{"quant_method", "awq"}}}})), "quantization_config");
  ExpectNotSupported(inspect(with({{"head_dim", 24}})), "24 keys");
  FolderOptions options = WithTokenizer();
  options.without = {"model.norm.weight"};
  ExpectNotSupported(inspect(options), "'model.norm.weight'");
  ExpectNotSupported(inspect({}), "tokenizer.json");
  options = WithTokenizer();
  options.more["tokenizer.json"] = R"({"model":{"type":"Magic"}})";
  ExpectNotSupported(inspect(options), "Magic");
  options.more["tokenizer.json"] =
      ByteTokenizerJson({"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
                         "q", "r", "s", "t", "u", "v", "w", "x", "y", "z", "A", "B", "C", "D", "E", "F",
                         "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T"});
  ExpectNotSupported(inspect(options), "the tokenizer knows 302 tokens and the weights only 300");
  // Headers alone do not look at it.
  const FamilyFolder bare(FamilyCase("llama2"), {});
  EXPECT_TRUE(Inspect(bare.path(), Inspection::kHeaders).supported);
}

TEST(Inspect, DamageIsAnErrorNotAReason) {
  FolderOptions options = WithTokenizer();
  options.changes = {{"hidden_size", -64}};
  const FamilyFolder folder(FamilyCase("llama2"), options);
  EXPECT_EQ(InspectModel(folder.path()).status().code(), absl::StatusCode::kInvalidArgument);
  const FamilyFolder cut(FamilyCase("llama2"), WithTokenizer());
  cut.Put("model.safetensors", "{}");
  EXPECT_EQ(InspectModel(cut.path()).status().code(), absl::StatusCode::kInvalidArgument);
}

class InspectGguf : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(::testing::TempDir()) / ("inspect." + std::to_string(::getpid()));
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  std::string Put(const std::string& name, const std::string& bytes) {
    std::ofstream(root_ / name, std::ios::binary) << bytes;
    return (root_ / name).string();
  }
  static GgufWriter Header(const char* architecture) {
    GgufWriter writer;
    const std::string a = std::string(architecture) + ".";
    writer.Add("general.architecture", architecture);
    for (const auto& [key, value] : std::map<std::string, uint32_t>{{"block_count", 1},
                                                                    {"embedding_length", 32},
                                                                    {"feed_forward_length", 32},
                                                                    {"attention.head_count", 2},
                                                                    {"context_length", 256}}) {
      writer.Add(a + key, value);
    }
    writer.Add(a + "attention.layer_norm_rms_epsilon", 1e-5f);
    return writer;
  }
  static void AddWeights(GgufWriter* writer, TensorType type = TensorType::kF32) {
    const std::vector<float> zeros(32 * 32);
    for (const char* name : {"token_embd", "blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v", "blk.0.attn_output",
                             "blk.0.ffn_gate", "blk.0.ffn_up"}) {
      writer->AddTensor(std::string(name) + ".weight", {32, 32}, zeros);
    }
    for (const char* name : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"}) {
      writer->AddTensor(std::string(name) + ".weight", {32}, std::span(zeros).first(32));
    }
    writer->AddTensor("blk.0.ffn_down.weight", type, {32, 32},
                      std::string(static_cast<size_t>(32 * RowBytes(type, 32)), '\0'));
  }
  std::filesystem::path root_;
};

TEST_F(InspectGguf, TellsWhatADecoderIs) {
  GgufWriter writer = Header("llama");
  AddWeights(&writer, TensorType::kQ8_0);
  const std::string path = Put("tiny.gguf", writer.Finish());
  const ModelFileInfo info = Inspect(path, Inspection::kHeaders);
  EXPECT_TRUE(info.supported) << info.reason;
  EXPECT_EQ(info.reason, "");
  EXPECT_EQ(info.kind, "decoder");
  EXPECT_EQ(info.model.architecture, "llama");
  EXPECT_EQ(info.model.name, "tiny");
  EXPECT_EQ(info.model.parameters, 8 * 1024 + 96);
  EXPECT_EQ(info.model.max_tokens, 256);
  EXPECT_EQ(info.kv_bytes_per_token, 2 * 32 * 2);
  EXPECT_EQ(info.model.weights_bytes, static_cast<int64_t>(writer.Finish().size()));
  EXPECT_THAT(info.description, HasSubstr("tensors: 11 (F32 10, Q8_0 1)"));
  EXPECT_THAT(info.description, HasSubstr("vocabulary: 32"));
  ExpectNotSupported(Inspect(path), "tokenizer.ggml.model");
}

TEST_F(InspectGguf, SaysWhyAModelIsNotSupported) {
  GgufWriter mamba = Header("mamba");
  mamba.AddTensor("w", {1}, std::vector<float>{1});
  const ModelFileInfo info = Inspect(Put("mamba.gguf", mamba.Finish()));
  EXPECT_EQ(info.kind, "unknown");
  ExpectNotSupported(info, "'mamba'");
  ExpectNotSupported(info, "decoders of the types llama, qwen2");

  GgufWriter writer = Header("qwen3");
  AddWeights(&writer);
  ExpectNotSupported(Inspect(Put("no_norm.gguf", writer.Finish())), "'blk.0.attn_q_norm.weight'");
  writer = Header("llama");
  AddWeights(&writer, TensorType::kIQ4_NL);
  ExpectNotSupported(Inspect(Put("iq4.gguf", writer.Finish())), "IQ4_NL");
  writer = Header("llama");
  writer.Add("llama.rope.scaling.type", "magic");
  AddWeights(&writer);
  ExpectNotSupported(Inspect(Put("rope.gguf", writer.Finish())), "'magic'");
  writer = Header("llama");
  writer.Add("llama.expert_count", uint32_t{8});
  AddWeights(&writer);
  ExpectNotSupported(Inspect(Put("moe.gguf", writer.Finish())), "mixtures of experts");
  ExpectNotSupported(Inspect(Put("vocabulary.gguf", Header("gemma3").Finish())), "no weights");
  EXPECT_EQ(InspectModel(Put("cut.gguf", mamba.Finish().substr(0, 60))).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(InspectRealFiles, DecodersAreSupported) {
  const std::tuple<const char*, const char*, int64_t, const char*> models[] = {
      {"smollm2-135m-instruct", "llama", 8192, "tensors: 272 (F32 61, Q4_1 210, Q8_0 1)"},
      {"qwen2.5-coder-0.5b-instruct", "qwen2", 32768, "tensors: 291 (F32 121, Q4_K 12, Q5_0 133, Q6_K 12, Q8_0 13)"},
      {"gemma-3-270m", "gemma3", 32768, "tensors: 236 (F32 109, Q4_K 27, Q5_0 81, Q6_K 9, Q8_0 10)"},
  };
  int seen = 0;
  for (const auto& [name, architecture, context, tensors] : models) {
    const std::string path = FindModel(name);
    if (path.empty()) continue;
    const ModelFileInfo info = Inspect(path);
    EXPECT_TRUE(info.supported) << info.reason;
    EXPECT_EQ(info.kind, "decoder");
    EXPECT_EQ(info.model.architecture, architecture);
    EXPECT_EQ(info.model.max_tokens, context);
    EXPECT_THAT(info.description, HasSubstr(tensors));
    EXPECT_GT(info.memory_bytes, 0);
    ++seen;
  }
  if (seen == 0) GTEST_SKIP() << "no GGUF model is there";
}

}  // namespace
}  // namespace precis::engine
