// Builds safetensors bytes in memory: tiny made-up models for tests. Header only; writes what it is told.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace precis::engine {

// Little-endian hosts only, as the reader.
class SafetensorsWriter {
 public:
  // `dtype`: "F32", "BF16"...; `bytes` as stored.
  void AddTensor(std::string_view name, std::string_view dtype, const std::vector<int64_t>& shape,
                 std::string_view bytes) {
    header_ += header_.empty() ? "{\"" : ",\"";
    header_.append(name);
    header_ += "\":{\"dtype\":\"";
    header_.append(dtype);
    header_ += "\",\"shape\":[";
    for (size_t i = 0; i < shape.size(); ++i) header_ += (i > 0 ? "," : "") + std::to_string(shape[i]);
    header_ += "],\"data_offsets\":[" + std::to_string(data_.size()) + "," +
               std::to_string(data_.size() + bytes.size()) + "]}";
    data_.append(bytes);
  }

  // The file.
  std::string Finish() const {
    std::string header = header_.empty() ? "{}" : header_ + "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const uint64_t length = header.size();
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    return file + header + data_;
  }

 private:
  std::string header_, data_;
};

}  // namespace precis::engine
