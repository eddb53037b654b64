// Walks a GGUF file's header once, checks it, and fills a GgufFile. Internal to gguf.cc.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/gguf.h"

namespace precis::engine {

// Bytes of one value; 0 for strings, arrays and numbers that are no kind.
size_t GgufKindBytes(GgufKind kind);

class GgufParser {
 public:
  // `file` holds the bytes already.
  explicit GgufParser(GgufFile* file) : file_(file), bytes_(file->bytes_) {}

  absl::Status Parse();

 private:
  absl::Status ParseMetadata(uint64_t count);
  absl::Status ParseValue(std::string_view key, uint32_t kind, GgufFile::Value* value);
  absl::Status ParseArray(std::string_view key, GgufFile::Value* value);
  absl::StatusOr<TensorView> ParseTensor(uint64_t index, uint64_t* offset);
  absl::Status ParseTensors(uint64_t count);
  absl::Status CheckOverlap() const;

  size_t left() const { return bytes_.size() - at_; }
  // Takes the next `size` bytes. InvalidArgument naming `what` when the file ends before.
  absl::StatusOr<std::string_view> Take(uint64_t size, std::string_view what);
  template <typename T>
  absl::StatusOr<T> Number(std::string_view what);
  // A length and so many bytes.
  absl::StatusOr<std::string_view> Text(uint64_t most, std::string_view what);

  template <typename... Parts>
  absl::Status Wrong(const Parts&... parts) const;

  GgufFile* file_;
  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace precis::engine
