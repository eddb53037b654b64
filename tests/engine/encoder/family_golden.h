// The tiny encoders of golden/families and what the reference computes with them.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/dequantize.h"
#include "formats/hf_config.h"
#include "formats/safetensors.h"
#include "nlohmann/json.hpp"
#include "precis/base/file.h"
#include "safetensors_bytes.h"
#include "source_file.h"

namespace precis::engine {

inline std::string FamilyFolder() { return SourceFile("tests/engine/encoder/golden/families/"); }

inline const nlohmann::json& FamilyGolden() {
  static const nlohmann::json golden = nlohmann::json::parse(*ReadFile(FamilyFolder() + "families.json", 1 << 20));
  return golden;
}

inline std::string Base64Bytes(const std::string& text) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(alphabet.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xFF));
  }
  return bytes;
}

// Base64 of little-endian numbers, on a little-endian host.
template <typename T>
std::vector<T> Base64Numbers(const std::string& text) {
  const std::string bytes = Base64Bytes(text);
  std::vector<T> numbers(bytes.size() / sizeof(T));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(T));
  return numbers;
}

inline EncoderConfig FamilyConfig(const nlohmann::json& family) {
  return *ParseHfEncoderConfig({.config = family["config"].dump(), .origin = "tiny"});
}

inline std::shared_ptr<const SafetensorsFile> FamilyFile(const std::string& name) {
  return *SafetensorsFile::Open(FamilyFolder() + name + ".safetensors");
}

// The tensors as floats, to be changed and written again.
inline NamedTensors FamilyTensors(const std::string& name) {
  NamedTensors tensors;
  const auto file = FamilyFile(name);
  for (const TensorView& tensor : file->tensors().all()) tensors[tensor.name] = {tensor.shape, *Dequantize(tensor)};
  return tensors;
}

}  // namespace precis::engine
