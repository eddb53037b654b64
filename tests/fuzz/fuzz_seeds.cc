// Writes small valid inputs: fuzz_seeds FOLDER makes FOLDER/gguf, FOLDER/safetensors and FOLDER/hf_config.
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/gguf_writer.h"
#include "precis/base/file.h"

namespace {

std::string Gguf(uint32_t version, uint32_t alignment) {
  precis::engine::GgufWriter writer(version, alignment);
  writer.Add("general.architecture", "llama");
  writer.Add("llama.block_count", uint32_t{2});
  writer.Add("llama.rope.freq_base", 10000.0f);
  writer.Add("big", uint64_t{1} << 40);
  writer.Add("double", 0.5);
  writer.Add("small", int8_t{-1});
  writer.Add("flag", true);
  writer.Add("tokens", std::vector<std::string>{"<s>", "a", "bc"});
  writer.Add("scores", std::vector<float>{0, -1, -2});
  writer.Add("types", std::vector<int32_t>{3, 1, 1});
  writer.AddBools("flags", {0, 1});
  writer.AddTensor("norm", {4}, std::vector<float>(4, 1.0f));
  for (uint32_t number = 0; number < 64; ++number) {
    const auto* type = precis::engine::FindTensorType(number);
    if (type == nullptr) continue;
    writer.AddTensor(type->name, type->type, {2, type->block_elements}, std::string(2 * type->block_bytes, '\1'));
  }
  return writer.Finish();
}

std::string Safetensors(std::string_view header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out.append(header).append(data_bytes, '\1');
}

constexpr std::string_view kTensors =
    R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]},)"
    R"("ids":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]},"h":{"dtype":"BF16","shape":[],"data_offsets":[40,42]}})";

constexpr std::string_view kConfig =
    R"({"model_type":"bert","architectures":["BertModel"],"hidden_size":32,"num_hidden_layers":2,)"
    R"("num_attention_heads":4,"intermediate_size":64,"max_position_embeddings":128,"vocab_size":100,)"
    R"("type_vocab_size":2,"layer_norm_eps":1e-12,"hidden_act":"gelu","position_embedding_type":"absolute"})";
constexpr std::string_view kModules =
    R"([{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},)"
    R"({"idx":1,"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},)"
    R"({"idx":2,"path":"2_Normalize","type":"sentence_transformers.models.Normalize"}])";
constexpr std::string_view kPooling =
    R"({"word_embedding_dimension":32,"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true})";
constexpr std::string_view kSentenceBert = R"({"max_seq_length":64,"do_lower_case":false})";

bool Put(const std::string& folder, const std::string& name, const std::string& content) {
  absl::Status status = precis::MakeFolders(folder);
  if (status.ok()) status = precis::WriteFileDurably(folder + "/" + name, content);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 1;
  }
  const std::string folder = argv[1];
  std::string config(kConfig);
  const std::string bare = config;
  for (std::string_view part : {kModules, kPooling, kSentenceBert}) config.append(1, '\0').append(part);
  const bool good = Put(folder + "/gguf", "v3", Gguf(3, 32)) && Put(folder + "/gguf", "v2", Gguf(2, 8)) &&
                    Put(folder + "/safetensors", "small", Safetensors(kTensors, 42)) &&
                    Put(folder + "/safetensors", "empty", Safetensors("{}", 0)) &&
                    Put(folder + "/hf_config", "whole", config) && Put(folder + "/hf_config", "bare", bare);
  return good ? 0 : 1;
}
