// Builds GGUF bytes in memory: tiny made-up models for tests. Header only; writes what it is told, right or wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/gguf.h"
#include "formats/tensor_types.h"

namespace precis::engine {

// Little-endian hosts only, as the reader.
//
//   GgufWriter writer;
//   writer.Add("general.architecture", "llama");
//   writer.Add("llama.block_count", uint32_t{2});
//   writer.AddTensor("output_norm.weight", {64}, values);
//   auto file = GgufFile::FromBytes(writer.Finish(), "tiny");
class GgufWriter {
 public:
  explicit GgufWriter(uint32_t version = 3, uint32_t alignment = 32) : version_(version), alignment_(alignment) {
    if (alignment != 32) Add("general.alignment", alignment);
  }

  void Add(std::string_view key, std::string_view value) { Key(key, GgufKind::kString), Text(&metadata_, value); }
  void Add(std::string_view key, const char* value) { Add(key, std::string_view(value)); }
  void Add(std::string_view key, bool value) { Key(key, GgufKind::kBool), Pod(&metadata_, uint8_t{value}); }
  void Add(std::string_view key, uint8_t value) { Key(key, GgufKind::kU8), Pod(&metadata_, value); }
  void Add(std::string_view key, int8_t value) { Key(key, GgufKind::kI8), Pod(&metadata_, value); }
  void Add(std::string_view key, uint16_t value) { Key(key, GgufKind::kU16), Pod(&metadata_, value); }
  void Add(std::string_view key, int16_t value) { Key(key, GgufKind::kI16), Pod(&metadata_, value); }
  void Add(std::string_view key, uint32_t value) { Key(key, GgufKind::kU32), Pod(&metadata_, value); }
  void Add(std::string_view key, int32_t value) { Key(key, GgufKind::kI32), Pod(&metadata_, value); }
  void Add(std::string_view key, uint64_t value) { Key(key, GgufKind::kU64), Pod(&metadata_, value); }
  void Add(std::string_view key, int64_t value) { Key(key, GgufKind::kI64), Pod(&metadata_, value); }
  void Add(std::string_view key, float value) { Key(key, GgufKind::kF32), Pod(&metadata_, value); }
  void Add(std::string_view key, double value) { Key(key, GgufKind::kF64), Pod(&metadata_, value); }

  void Add(std::string_view key, const std::vector<std::string>& values) {
    Array(key, GgufKind::kString, values.size());
    for (const std::string& value : values) Text(&metadata_, value);
  }
  void Add(std::string_view key, const std::vector<int32_t>& values) { PodArray(key, GgufKind::kI32, values); }
  void Add(std::string_view key, const std::vector<uint32_t>& values) { PodArray(key, GgufKind::kU32, values); }
  void Add(std::string_view key, const std::vector<float>& values) { PodArray(key, GgufKind::kF32, values); }
  void AddBools(std::string_view key, const std::vector<uint8_t>& values) { PodArray(key, GgufKind::kBool, values); }

  // A metadata entry with any kind number and value bytes.
  void AddRaw(std::string_view key, uint32_t kind, std::string_view value) {
    Key(key, static_cast<GgufKind>(kind));
    metadata_.append(value);
  }

  // `shape` outermost first, as TensorView::shape; `bytes` as stored.
  void AddTensor(std::string_view name, TensorType type, const std::vector<int64_t>& shape, std::string_view bytes) {
    Pad(&data_);
    AddTensorAt(name, static_cast<uint32_t>(type), shape, data_.size());
    data_.append(bytes);
  }
  // An F32 tensor.
  void AddTensor(std::string_view name, const std::vector<int64_t>& shape, std::span<const float> values) {
    AddTensor(name, TensorType::kF32, shape,
              std::string_view(reinterpret_cast<const char*>(values.data()), values.size_bytes()));
  }
  // Only the entry, no data.
  void AddTensorAt(std::string_view name, uint32_t type, const std::vector<int64_t>& shape, uint64_t offset) {
    Text(&infos_, name);
    Pod(&infos_, static_cast<uint32_t>(shape.size()));
    for (size_t i = shape.size(); i-- > 0;) Pod(&infos_, static_cast<uint64_t>(shape[i]));
    Pod(&infos_, type);
    Pod(&infos_, offset);
    ++tensor_count_;
  }

  // The file.
  std::string Finish() const {
    std::string out = "GGUF";
    Pod(&out, version_);
    Pod(&out, tensor_count_);
    Pod(&out, metadata_count_);
    out += metadata_;
    out += infos_;
    if (tensor_count_ > 0) {
      Pad(&out);
      out += data_;
    }
    return out;
  }

  template <typename T>
  static void Pod(std::string* out, T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out->append(bytes, sizeof value);
  }
  static void Text(std::string* out, std::string_view text) {
    Pod(out, static_cast<uint64_t>(text.size()));
    out->append(text);
  }

 private:
  void Key(std::string_view key, GgufKind kind) {
    Text(&metadata_, key);
    Pod(&metadata_, static_cast<uint32_t>(kind));
    ++metadata_count_;
  }
  void Array(std::string_view key, GgufKind kind, size_t count) {
    Key(key, GgufKind::kArray);
    Pod(&metadata_, static_cast<uint32_t>(kind));
    Pod(&metadata_, static_cast<uint64_t>(count));
  }
  template <typename T>
  void PodArray(std::string_view key, GgufKind kind, const std::vector<T>& values) {
    Array(key, kind, values.size());
    for (T value : values) Pod(&metadata_, value);
  }
  void Pad(std::string* out) const { out->resize((out->size() + alignment_ - 1) / alignment_ * alignment_, '\0'); }

  uint32_t version_;
  uint32_t alignment_;
  uint64_t tensor_count_ = 0;
  uint64_t metadata_count_ = 0;
  std::string metadata_, infos_, data_;
};

}  // namespace precis::engine
