// The made-up models of golden/families.json as files: a Hugging Face folder, and the GGUF file that llama.cpp's
// converter makes of it. golden/make_families_golden.py has the same formula for the weights.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../formats/gguf_writer.h"
#include "../formats/safetensors_writer.h"
#include "formats/dequantize.h"
#include "models/decoder_files.h"
#include "precis/base/hash.h"
#include "source_file.h"
#include "tiny_model.h"

namespace precis::engine {

inline const nlohmann::json& FamilyCases() {
  static const auto* cases = [] {
    std::ifstream in(SourceFile("tests/engine/decoder/golden/families.json"));
    return new nlohmann::json(nlohmann::json::parse(in));
  }();
  return *cases;
}

inline const nlohmann::json& FamilyCase(const std::string& name) {
  for (const auto& c : FamilyCases()) {
    if (c["name"] == name) return c;
  }
  ADD_FAILURE() << "no case " << name;
  return FamilyCases()[0];
}

// The values of a tensor by its name in the folder.
inline std::vector<float> FamilyValues(const std::string& name, size_t count, bool gemma) {
  const bool norm = name.find("norm") != std::string::npos;
  const float middle = norm && !gemma ? 1.0f : 0.0f;
  const float spread = norm                                                                   ? 0.3f
                       : name.find("embed_tokens") != std::string::npos                       ? 1.0f
                       : name.find("lm_head") != std::string::npos || name.ends_with(".bias") ? 0.5f
                                                                                              : 0.3f;
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = middle + spread * TinyValue(name, i);
  return values;
}

inline size_t ElementsOf(const std::vector<int64_t>& shape) {
  size_t n = 1;
  for (const int64_t d : shape) n *= static_cast<size_t>(d);
  return n;
}

struct FolderOptions {
  const char* config = "config";  // or "old_config"
  TensorType type = TensorType::kF32;
  int parts = 1;                                        // files with weights
  bool rounded = false;                                 // F32 that hold what `type` would
  std::map<std::string, std::string> more;              // other files, by name
  nlohmann::json changes;                               // merged into config.json; null removes
  std::vector<std::string> without;                     // tensors that are left out
  std::map<std::string, std::vector<int64_t>> reshape;  // tensors with another shape
};

// A folder that is removed with the object.
class FamilyFolder {
 public:
  FamilyFolder(const nlohmann::json& golden, const FolderOptions& options) {
    static int count = 0;
    path_ = std::filesystem::path(::testing::TempDir()) /
            ("family." + std::to_string(::getpid()) + "." + std::to_string(count++));
    std::filesystem::create_directories(path_);
    nlohmann::json config = golden[options.config];
    if (!options.changes.is_null()) config.merge_patch(options.changes);
    Put("config.json", config.dump());
    for (const auto& [name, text] : options.more) Put(name, text);
    std::vector<SafetensorsWriter> parts(static_cast<size_t>(options.parts));
    nlohmann::json map;
    size_t next = 0;
    for (const auto& [name, golden_shape] : golden["tensors"].items()) {
      if (std::count(options.without.begin(), options.without.end(), name) > 0) continue;
      std::vector<int64_t> shape = golden_shape;
      if (options.reshape.count(name) > 0) shape = options.reshape.at(name);
      std::vector<float> values = FamilyValues(name, ElementsOf(shape), golden["gemma"]);
      std::string bytes = Quantize(options.type, values).value();
      const char* type = TypeName(options.type);
      if (options.rounded) {
        EXPECT_TRUE(DequantizeRow(options.type, bytes, values).ok());
        bytes.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
        type = "F32";
      }
      const size_t part = next++ % parts.size();
      parts[part].AddTensor(name, type, shape, bytes);
      map[name] = PartName(part, options.parts);
    }
    for (size_t i = 0; i < parts.size(); ++i) Put(PartName(i, options.parts), parts[i].Finish());
    if (options.parts > 1) Put("model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
  }
  ~FamilyFolder() { std::filesystem::remove_all(path_); }
  FamilyFolder(const FamilyFolder&) = delete;
  FamilyFolder& operator=(const FamilyFolder&) = delete;

  std::string path() const { return path_.string(); }
  void Put(const std::string& name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  absl::StatusOr<DecoderFiles> Open() const {
    auto files = FindModelFiles(path());
    if (!files.ok()) return files.status();
    return DecoderFiles::Open(*files);
  }

 private:
  static std::string PartName(size_t part, int parts) {
    return parts == 1 ? "model.safetensors" : "model-0000" + std::to_string(part + 1) + ".safetensors";
  }
  std::filesystem::path path_;
};

// What llama.cpp's converter does to the rows of q and k of Llama: head by head, the halves that turn together become
// neighbours.
inline std::vector<float> PermuteForPairs(const std::vector<float>& rows, int64_t heads, size_t columns) {
  const size_t dim = rows.size() / columns / static_cast<size_t>(heads);
  std::vector<float> out(rows.size());
  for (size_t h = 0; h < static_cast<size_t>(heads); ++h) {
    for (size_t i = 0; i < dim; ++i) {
      const size_t from = h * dim + (i % 2) * (dim / 2) + i / 2, to = h * dim + i;
      std::copy_n(rows.begin() + static_cast<ptrdiff_t>(from * columns), columns,
                  out.begin() + static_cast<ptrdiff_t>(to * columns));
    }
  }
  return out;
}

inline void AddMetadata(const std::string& key, const nlohmann::json& entry, GgufWriter* writer) {
  const std::string kind = entry[0];
  const nlohmann::json& value = entry[1];
  if (kind == "string") {
    writer->Add(key, std::string_view(value.get_ref<const std::string&>()));
  } else if (kind == "float32") {
    writer->Add(key, value.get<float>());
  } else if (kind == "bool") {
    writer->Add(key, value.get<bool>());
  } else if (kind == "array") {
    writer->AddBools(key, value.get<std::vector<uint8_t>>());
  } else {
    writer->Add(key, value.get<uint32_t>());
  }
}

// The converter's file. Each tensor is checked against the hash of the converter's own: names, order of rows and values
// are llama.cpp's, not ours.
inline std::shared_ptr<const GgufFile> MakeFamilyGguf(const nlohmann::json& golden, const DecoderFiles& folder) {
  GgufWriter writer;
  for (const auto& [key, entry] : golden["gguf"]["metadata"].items()) AddMetadata(key, entry, &writer);
  const std::string arch = golden["gguf"]["metadata"]["general.architecture"][1];
  const bool pairs = arch == "llama" || arch == "smollm3", gemma = golden["gemma"];
  const DecoderConfig config = folder.ReadConfig().value();
  for (const auto& [name, entry] : golden["gguf"]["tensors"].items()) {
    const std::vector<int64_t> shape = entry[0];
    const std::string source = folder.TensorName(name, config);
    std::vector<float> values = FamilyValues(source, ElementsOf(shape), gemma);
    if (entry.size() > 2) values = entry[2].get<std::vector<float>>();
    if (gemma && name.find("norm") != std::string::npos) {
      for (float& v : values) v += 1.0f;
    }
    if (pairs && (name.ends_with("attn_q.weight") || name.ends_with("attn_k.weight"))) {
      values = PermuteForPairs(values, name.ends_with("attn_q.weight") ? config.heads : config.kv_heads,
                               static_cast<size_t>(shape.back()));
    }
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    EXPECT_EQ(Sha256Hex(bytes).substr(0, 16), entry[1]) << name << " from " << source;
    writer.AddTensor(name, shape, values);
  }
  auto file = GgufFile::FromBytes(writer.Finish(), golden["name"].get<std::string>() + ".gguf");
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *file : nullptr;
}

}  // namespace precis::engine
