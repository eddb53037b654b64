#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

// {"name": {"dtype": "F32", "shape": [1], ...}}.
constexpr int kMaxHeaderDepth = 3;
// A tensor of two dimensions makes 16 events.
constexpr int64_t kMaxHeaderEvents = kMaxSafetensorsTensors * 20;

template <typename... Parts>
absl::Status Wrong(const std::string& origin, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': ", parts...));
}

// Null for a name that has no TensorType. All types here have one value a block.
const TensorTypeInfo* TypeOfName(std::string_view name) {
  static constexpr TensorType kTypes[] = {
      TensorType::kBool, TensorType::kU8,  TensorType::kI8,  TensorType::kF8_E4M3, TensorType::kF8_E5M2,
      TensorType::kI16,  TensorType::kU16, TensorType::kF16, TensorType::kBF16,    TensorType::kI32,
      TensorType::kU32,  TensorType::kF32, TensorType::kF64, TensorType::kI64,     TensorType::kU64,
  };
  for (TensorType type : kTypes) {
    if (name == TypeName(type)) return &TypeInfo(type);
  }
  return nullptr;
}

// A whole number >= 0, or -1.
int64_t NonNegative(const json& value) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) return -1;
  return value.get<int64_t>();
}

const json* Member(const json& entry, const char* key) {
  const auto found = entry.find(key);
  return found == entry.end() ? nullptr : &*found;
}

// One entry of the header; its bytes lie in `data`, the file without the header.
absl::StatusOr<TensorView> ParseTensor(const std::string& origin, const std::string& name, const json& entry,
                                       std::string_view data) {
  const std::string what = absl::StrCat("tensor ", Quoted(name));
  if (!entry.is_object()) return Wrong(origin, what, " is described by ", JsonText(entry), ", not an object");
  const json* dtype = Member(entry, "dtype");
  const json* shape = Member(entry, "shape");
  const json* offsets = Member(entry, "data_offsets");
  if (dtype == nullptr || !dtype->is_string()) return Wrong(origin, what, " has no dtype");
  if (shape == nullptr || !shape->is_array() || shape->size() > kMaxSafetensorsDimensions) {
    return Wrong(origin, what, " has no shape: an array of at most ", kMaxSafetensorsDimensions, " numbers is needed");
  }
  if (offsets == nullptr || !offsets->is_array() || offsets->size() != 2) {
    return Wrong(origin, what, " has no data_offsets: an array of two numbers is needed");
  }
  TensorView tensor;
  tensor.name = name;
  const TensorTypeInfo* type = TypeOfName(dtype->get_ref<const std::string&>());
  if (type == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("'", origin, "': ", what, " has the dtype ", JsonText(*dtype), ", which is not read"));
  }
  tensor.type = type->type;
  int64_t size = type->block_bytes;
  for (const json& dimension : *shape) {
    const int64_t n = NonNegative(dimension);
    if (n < 0 || __builtin_mul_overflow(size, n, &size)) {
      return Wrong(origin, what, " has ", JsonText(dimension),
                   " in its shape: whole numbers >= 0 are needed, and a size below 2^63 bytes");
    }
    tensor.shape.push_back(n);
  }
  const int64_t begin = NonNegative((*offsets)[0]);
  const int64_t end = NonNegative((*offsets)[1]);
  const std::string range = absl::StrCat("[", JsonText((*offsets)[0]), ", ", JsonText((*offsets)[1]), "]");
  if (begin < 0 || end < begin || static_cast<uint64_t>(end) > data.size()) {
    return Wrong(origin, what, " has the data_offsets ", range, ", the data has ", data.size(),
                 " bytes: the file is damaged or was not copied whole");
  }
  if (end - begin != size) {
    return Wrong(origin, what, " of type ", type->name, " and shape ", ShapeText(tensor.shape), " needs ", size,
                 " bytes, its data_offsets ", range, " hold ", end - begin);
  }
  tensor.bytes = data.substr(static_cast<size_t>(begin), static_cast<size_t>(size));
  return tensor;
}

absl::StatusOr<std::map<std::string, std::string>> ParseMetadata(const std::string& origin, const json& object) {
  std::map<std::string, std::string> metadata;
  if (!object.is_object()) return Wrong(origin, "__metadata__ is ", JsonText(object), ", not an object");
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) {
      return Wrong(origin, "__metadata__ ", Quoted(key), " is ", JsonText(value), ", not a text");
    }
    metadata.emplace(key, value.get_ref<const std::string&>());
  }
  return metadata;
}

// The ranges must tile the data: what lies between them would be neither checked nor shown by anybody.
absl::Status CheckTiling(const std::string& origin, const std::vector<TensorView>& sorted, std::string_view data) {
  size_t expected = 0;
  for (const TensorView& tensor : sorted) {
    const auto begin = static_cast<size_t>(tensor.bytes.data() - data.data());
    if (begin != expected) {
      return Wrong(origin, "tensor ", Quoted(tensor.name), " begins at byte ", begin, " of the data, ",
                   begin < expected ? "inside the one before it, which ends at " : "after a hole that begins at ",
                   expected);
    }
    expected += tensor.bytes.size();
  }
  if (expected != data.size()) {
    return Wrong(origin, "its tensors end at byte ", expected, " of the data, which has ", data.size());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> map, MappedFile::Open(path));
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile(path));
  file->bytes_ = map->bytes();
  file->map_ = std::move(map);
  PRECIS_RETURN_IF_ERROR(file->Parse());
  return file;
}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::FromBytes(std::string bytes,
                                                                                  std::string origin) {
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile(std::move(origin)));
  file->owned_ = std::move(bytes);
  file->bytes_ = file->owned_;
  PRECIS_RETURN_IF_ERROR(file->Parse());
  return file;
}

absl::Status SafetensorsFile::Parse() {
  uint64_t length = 0;
  if (bytes_.size() < sizeof length) {
    return Wrong(path(), "is no safetensors file: it has ", bytes_.size(), " bytes, its header alone needs more");
  }
  std::memcpy(&length, bytes_.data(), sizeof length);
  const uint64_t room = bytes_.size() - sizeof length;
  if (length > kMaxSafetensorsHeaderBytes || length > room) {
    return Wrong(path(), "claims a header of ", length, " bytes; ", room, " bytes follow, and at most ",
                 kMaxSafetensorsHeaderBytes, " are allowed: it is no safetensors file, or damaged");
  }
  const std::string_view header = bytes_.substr(sizeof length, length);
  const std::string_view data = bytes_.substr(sizeof length + length);
  if (!header.starts_with('{')) return Wrong(path(), "is no safetensors file: its header does not begin with '{'");
  PRECIS_ASSIGN_OR_RETURN(const json root, ParseJson(header, kMaxHeaderDepth, path(), kMaxHeaderEvents));
  if (root.size() > kMaxSafetensorsTensors) {
    return Wrong(path(), "has ", root.size(), " tensors, at most ", kMaxSafetensorsTensors, " are allowed");
  }
  std::vector<TensorView> tensors;
  for (const auto& [name, entry] : root.items()) {
    if (name == "__metadata__") {
      PRECIS_ASSIGN_OR_RETURN(metadata_, ParseMetadata(path(), entry));
      continue;
    }
    PRECIS_ASSIGN_OR_RETURN(TensorView tensor, ParseTensor(path(), name, entry, data));
    tensors.push_back(std::move(tensor));
  }
  std::sort(tensors.begin(), tensors.end(), [](const TensorView& a, const TensorView& b) {
    return std::tuple(a.bytes.data(), a.bytes.size()) < std::tuple(b.bytes.data(), b.bytes.size());
  });
  PRECIS_RETURN_IF_ERROR(CheckTiling(path(), tensors, data));
  for (TensorView& tensor : tensors) PRECIS_RETURN_IF_ERROR(tensors_.Add(std::move(tensor)));
  return absl::OkStatus();
}

void SafetensorsFile::Release(const TensorView& tensor) const {
  if (map_ == nullptr) return;
  const auto begin = static_cast<size_t>(tensor.bytes.data() - bytes_.data());
  map_->Release(begin, begin + tensor.bytes.size());
}

}  // namespace precis::engine
