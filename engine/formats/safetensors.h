// safetensors: a JSON header with names, types, shapes and byte ranges, then the numbers.
//
// As with GGUF, Open() checks everything before use: the header's length, its JSON (depth and size bounded), every
// type, shape and range. As the format demands, the ranges cover the data exactly: no overlap, no hole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "formats/tensor_table.h"
#include "formats/tensor_types.h"
#include "precis/base/file.h"

namespace precis::engine {

// The format's own limit is 100 MB. A header costs several times its size while it is parsed, and a model with 10,000
// tensors needs 2 MB.
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 8 << 20;
inline constexpr size_t kMaxSafetensorsTensors = 16384;
inline constexpr size_t kMaxSafetensorsDimensions = 8;

// Immutable, thread-safe. Views that it hands out are valid as long as it lives.
class SafetensorsFile {
 public:
  // Errors: NotFound and other system errors with the path; InvalidArgument for anything wrong inside, with the
  // tensor or field, its value and the file; Unimplemented for a type that has no TensorType, by name.
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Open(const std::string& path);

  // The same over bytes in memory; `origin` stands for the path in messages.
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> FromBytes(std::string bytes, std::string origin);

  const std::string& path() const { return tensors_.origin(); }
  int64_t size_bytes() const { return static_cast<int64_t>(bytes_.size()); }

  // The texts of __metadata__, empty when there is none.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  const TensorTable& tensors() const { return tensors_; }

  // Tells the system that the tensor's pages are not needed any more (after repacking). They can still be read.
  void Release(const TensorView& tensor) const;

 private:
  explicit SafetensorsFile(std::string origin) : tensors_(std::move(origin)) {}
  absl::Status Parse();

  std::shared_ptr<const MappedFile> map_;  // one of the two owns the bytes
  std::string owned_;
  std::string_view bytes_;
  std::map<std::string, std::string> metadata_;
  TensorTable tensors_;
};

}  // namespace precis::engine
