// GGUF, version 2 and 3, little-endian: the single-file format of quantised models (ggml's docs/gguf.md).
//
// The file is hostile until proven otherwise. Open() checks everything that its readers rely on: every count, length,
// offset and alignment against the file's real size before use, names for uniqueness, tensors for overlap. Nothing is
// allocated from a size that the file merely claims. What metadata values mean is checked when they are read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/tensor_table.h"
#include "formats/tensor_types.h"
#include "precis/base/file.h"

namespace precis::engine {

// Bounds that no honest file comes near; past them the file is refused.
inline constexpr uint64_t kMaxGgufTensors = 65536;
inline constexpr uint64_t kMaxGgufMetadata = 65536;
inline constexpr uint64_t kMaxGgufKeyBytes = 65535;      // the format's own limit
inline constexpr uint64_t kMaxGgufTensorNameBytes = 64;  // the format's own limit
inline constexpr uint64_t kMaxGgufAlignment = 1 << 20;

// The value kinds of metadata, numbered as in the file.
enum class GgufKind : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
// "u32", "string", ...
const char* GgufKindName(GgufKind kind);

// Immutable, thread-safe. Views that it hands out are valid as long as it lives.
//
// Metadata getters: NotFound with the key and the file when the key is absent; InvalidArgument with the key, its kind
// and its value when the kind is another or the value does not fit. Integers of any width and sign are accepted where
// the value fits; f64 is accepted for a float, and a single float must be finite. The ...Or forms answer `fallback` for
// an absent key, and only then.
class GgufFile {
 public:
  // Errors: NotFound and other system errors with the path; InvalidArgument for anything wrong inside, with the field,
  // its value and the file.
  static absl::StatusOr<std::shared_ptr<const GgufFile>> Open(const std::string& path);

  // The same over bytes in memory; `origin` stands for the path in messages.
  static absl::StatusOr<std::shared_ptr<const GgufFile>> FromBytes(std::string bytes, std::string origin);

  uint32_t version() const { return version_; }
  const std::string& path() const { return tensors_.origin(); }
  int64_t size_bytes() const { return static_cast<int64_t>(bytes_.size()); }

  // general.architecture.
  absl::StatusOr<std::string> Architecture() const { return GetString("general.architecture"); }

  bool Has(std::string_view key) const { return metadata_.find(key) != metadata_.end(); }
  std::vector<std::string_view> Keys() const;  // sorted
  absl::StatusOr<GgufKind> Kind(std::string_view key) const;

  absl::StatusOr<std::string> GetString(std::string_view key) const;
  absl::StatusOr<bool> GetBool(std::string_view key) const;
  absl::StatusOr<int64_t> GetI64(std::string_view key) const;
  absl::StatusOr<int32_t> GetI32(std::string_view key) const;
  absl::StatusOr<uint32_t> GetU32(std::string_view key) const;
  absl::StatusOr<uint64_t> GetU64(std::string_view key) const;
  absl::StatusOr<float> GetF32(std::string_view key) const;

  absl::StatusOr<std::string> GetStringOr(std::string_view key, std::string_view fallback) const;
  absl::StatusOr<bool> GetBoolOr(std::string_view key, bool fallback) const;
  absl::StatusOr<int64_t> GetI64Or(std::string_view key, int64_t fallback) const;
  absl::StatusOr<uint32_t> GetU32Or(std::string_view key, uint32_t fallback) const;
  absl::StatusOr<float> GetF32Or(std::string_view key, float fallback) const;

  // Arrays. The strings are views into the file: any bytes, not necessarily UTF-8.
  absl::StatusOr<int64_t> ArraySize(std::string_view key) const;
  absl::StatusOr<std::vector<std::string_view>> GetStrings(std::string_view key) const;
  absl::StatusOr<std::vector<int32_t>> GetI32s(std::string_view key) const;
  absl::StatusOr<std::vector<float>> GetF32s(std::string_view key) const;
  absl::StatusOr<std::vector<bool>> GetBools(std::string_view key) const;

  const TensorTable& tensors() const { return tensors_; }

  // Tells the system that the tensor's pages are not needed any more (after repacking). They can still be read.
  void Release(const TensorView& tensor) const;

 private:
  friend class GgufParser;

  struct Value {
    GgufKind kind;  // of the elements when `array`
    bool array = false;
    uint64_t count = 1;      // elements
    std::string_view bytes;  // the value, or the elements of the array, as stored; checked to be whole
  };

  explicit GgufFile(std::string origin) : tensors_(std::move(origin)) {}
  absl::StatusOr<const Value*> Find(std::string_view key) const;
  absl::StatusOr<const Value*> Scalar(std::string_view key, const char* wanted) const;
  absl::StatusOr<const Value*> Array(std::string_view key, const char* wanted) const;
  template <typename T>
  absl::StatusOr<T> Integer(std::string_view key, const char* wanted) const;

  std::shared_ptr<const MappedFile> map_;  // one of the two owns the bytes
  std::string owned_;
  std::string_view bytes_;
  uint32_t version_ = 0;
  std::map<std::string_view, Value, std::less<>> metadata_;  // keys are views into the file
  TensorTable tensors_;
};

}  // namespace precis::engine
