#include "formats/gguf_parser.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

namespace {

constexpr uint32_t kDefaultAlignment = 32;
// Below this, F32 and F64 values would not lie where a CPU may read them.
constexpr uint32_t kMinAlignment = 8;
// What the shortest entry takes: bounds a claimed count by the bytes that are there.
constexpr uint64_t kMinMetadataBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

}  // namespace

size_t GgufKindBytes(GgufKind kind) {
  switch (kind) {
    case GgufKind::kU8:
    case GgufKind::kI8:
    case GgufKind::kBool:
      return 1;
    case GgufKind::kU16:
    case GgufKind::kI16:
      return 2;
    case GgufKind::kU32:
    case GgufKind::kI32:
    case GgufKind::kF32:
      return 4;
    case GgufKind::kU64:
    case GgufKind::kI64:
    case GgufKind::kF64:
      return 8;
    case GgufKind::kString:
    case GgufKind::kArray:
      break;
  }
  return 0;
}

template <typename... Parts>
absl::Status GgufParser::Wrong(const Parts&... parts) const {
  return absl::InvalidArgumentError(absl::StrCat("'", file_->path(), "': ", parts...));
}

absl::StatusOr<std::string_view> GgufParser::Take(uint64_t size, std::string_view what) {
  if (size > left()) {
    return Wrong(std::string(what), " needs ", size, " bytes at offset ", at_, ", but the file ends after ",
                 bytes_.size(), ": it is damaged or was not copied whole");
  }
  const std::string_view taken = bytes_.substr(at_, size);
  at_ += size;
  return taken;
}

template <typename T>
absl::StatusOr<T> GgufParser::Number(std::string_view what) {
  PRECIS_ASSIGN_OR_RETURN(const std::string_view taken, Take(sizeof(T), what));
  T value;
  std::memcpy(&value, taken.data(), sizeof value);
  return value;
}

absl::StatusOr<std::string_view> GgufParser::Text(uint64_t most, std::string_view what) {
  PRECIS_ASSIGN_OR_RETURN(const uint64_t length, Number<uint64_t>(what));
  if (length > most) {
    return Wrong(std::string(what), " claims a length of ", length, " bytes, at most ", most, " are allowed");
  }
  return Take(length, what);
}

absl::Status GgufParser::Parse() {
  if (!bytes_.starts_with("GGUF")) {
    return Wrong("is not a GGUF file: it begins with ", Quoted(bytes_.substr(0, 4)), ", not 'GGUF'");
  }
  at_ = 4;
  PRECIS_ASSIGN_OR_RETURN(const uint32_t version, Number<uint32_t>("the version"));
  if (version != 2 && version != 3) {
    const uint32_t swapped = __builtin_bswap32(version);
    if (swapped >= 1 && swapped <= 3) {
      return Wrong("is a big-endian GGUF file (version ", swapped,
                   " with its bytes swapped): convert it to little-endian");
    }
    return Wrong("has GGUF version ", version, ", versions 2 and 3 are read: convert the model again");
  }
  file_->version_ = version;
  PRECIS_ASSIGN_OR_RETURN(const uint64_t tensors, Number<uint64_t>("the number of tensors"));
  PRECIS_ASSIGN_OR_RETURN(const uint64_t metadata, Number<uint64_t>("the number of metadata entries"));
  const uint64_t room = left();
  if (metadata > kMaxGgufMetadata || metadata > room / kMinMetadataBytes) {
    return Wrong("claims ", metadata, " metadata entries; its ", bytes_.size(), " bytes can hold at most ",
                 std::min(kMaxGgufMetadata, room / kMinMetadataBytes));
  }
  if (tensors > kMaxGgufTensors || tensors > room / kMinTensorBytes) {
    return Wrong("claims ", tensors, " tensors; its ", bytes_.size(), " bytes can hold at most ",
                 std::min(kMaxGgufTensors, room / kMinTensorBytes));
  }
  PRECIS_RETURN_IF_ERROR(ParseMetadata(metadata));
  return ParseTensors(tensors);
}

absl::Status GgufParser::ParseMetadata(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    PRECIS_ASSIGN_OR_RETURN(const std::string_view key, Text(kMaxGgufKeyBytes, absl::StrCat("metadata key ", i)));
    if (key.empty()) return Wrong("metadata key ", i, " is empty");
    PRECIS_ASSIGN_OR_RETURN(const uint32_t kind, Number<uint32_t>(absl::StrCat("the kind of ", Quoted(key))));
    GgufFile::Value value;
    PRECIS_RETURN_IF_ERROR(ParseValue(key, kind, &value));
    if (!file_->metadata_.emplace(key, value).second) return Wrong("metadata key ", Quoted(key), " occurs twice");
  }
  return absl::OkStatus();
}

absl::Status GgufParser::ParseValue(std::string_view key, uint32_t kind, GgufFile::Value* value) {
  if (kind > static_cast<uint32_t>(GgufKind::kF64)) {
    return Wrong("metadata key ", Quoted(key), " has the kind ", kind, ", which does not exist");
  }
  value->kind = static_cast<GgufKind>(kind);
  if (value->kind == GgufKind::kArray) return ParseArray(key, value);
  const std::string what = absl::StrCat("the value of ", Quoted(key));
  if (value->kind == GgufKind::kString) {
    PRECIS_ASSIGN_OR_RETURN(value->bytes, Text(left(), what));
  } else {
    PRECIS_ASSIGN_OR_RETURN(value->bytes, Take(GgufKindBytes(value->kind), what));
  }
  return absl::OkStatus();
}

absl::Status GgufParser::ParseArray(std::string_view key, GgufFile::Value* value) {
  const std::string what = absl::StrCat("the array ", Quoted(key));
  PRECIS_ASSIGN_OR_RETURN(const uint32_t kind, Number<uint32_t>(what));
  if (kind > static_cast<uint32_t>(GgufKind::kF64)) {
    return Wrong(what, " has elements of kind ", kind, ", which does not exist");
  }
  value->kind = static_cast<GgufKind>(kind);
  value->array = true;
  // No model file uses them, and their depth would be the file's to choose.
  if (value->kind == GgufKind::kArray) return Wrong(what, " holds arrays: nested arrays are not read");
  PRECIS_ASSIGN_OR_RETURN(value->count, Number<uint64_t>(what));
  const bool strings = value->kind == GgufKind::kString;
  const uint64_t element = strings ? sizeof(uint64_t) : GgufKindBytes(value->kind);
  if (value->count > left() / element) {
    return Wrong(what, " claims ", value->count, " elements of kind ", GgufKindName(value->kind), " at offset ", at_,
                 ", the file has room for ", left() / element);
  }
  if (!strings) {
    PRECIS_ASSIGN_OR_RETURN(value->bytes, Take(value->count * element, what));
    return absl::OkStatus();
  }
  const size_t begin = at_;
  for (uint64_t i = 0; i < value->count; ++i) {
    uint64_t length = 0;
    if (left() >= sizeof length) std::memcpy(&length, bytes_.data() + at_, sizeof length);
    if (left() < sizeof length || length > left() - sizeof length) {
      return Wrong(what, ", string ", i, " of ", value->count, ", at offset ", at_, " claims ", length,
                   " bytes and reaches past the file's end at ", bytes_.size());
    }
    at_ += sizeof length + length;
  }
  value->bytes = bytes_.substr(begin, at_ - begin);
  return absl::OkStatus();
}

absl::StatusOr<TensorView> GgufParser::ParseTensor(uint64_t index, uint64_t* offset) {
  TensorView tensor;
  PRECIS_ASSIGN_OR_RETURN(const std::string_view name,
                          Text(kMaxGgufTensorNameBytes, absl::StrCat("the name of tensor ", index)));
  if (name.empty()) return Wrong("the name of tensor ", index, " is empty");
  tensor.name = std::string(name);
  const std::string what = absl::StrCat("tensor ", Quoted(name));
  PRECIS_ASSIGN_OR_RETURN(const uint32_t dimensions, Number<uint32_t>(what));
  if (dimensions < 1 || dimensions > 4) return Wrong(what, " has ", dimensions, " dimensions, 1 to 4 are allowed");
  int64_t elements = 1;
  for (uint32_t d = 0; d < dimensions; ++d) {
    PRECIS_ASSIGN_OR_RETURN(const uint64_t size, Number<uint64_t>(what));
    if (size < 1 || size > static_cast<uint64_t>(INT64_MAX) ||
        __builtin_mul_overflow(elements, static_cast<int64_t>(size), &elements)) {
      return Wrong(what, ", dimension ", d, " is ", size, ": it must be at least 1 and the product of all below 2^63");
    }
    tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(size));
  }
  PRECIS_ASSIGN_OR_RETURN(const uint32_t type, Number<uint32_t>(what));
  const TensorTypeInfo* info = FindTensorType(type);
  if (info == nullptr || info->type >= TensorType::kU8) {
    return Wrong(what, " has the type number ", type, ", which is no GGML type known here");
  }
  tensor.type = info->type;
  if (tensor.columns() % info->block_elements != 0) {
    return Wrong(what, " has rows of ", tensor.columns(), " values, ", info->name, " needs a multiple of ",
                 info->block_elements);
  }
  int64_t size = 0;
  if (__builtin_mul_overflow(elements / info->block_elements, int64_t{info->block_bytes}, &size)) {
    return Wrong(what, " of shape ", ShapeText(tensor.shape), " is larger than any file");
  }
  PRECIS_ASSIGN_OR_RETURN(*offset, Number<uint64_t>(what));
  // The data section's start is known only after the last entry: until then only the size is right.
  if (static_cast<uint64_t>(size) > bytes_.size()) {
    return Wrong(what, " of shape ", ShapeText(tensor.shape), " and type ", info->name, " needs ", size,
                 " bytes, the file has ", bytes_.size(), ": it is damaged or was not copied whole");
  }
  tensor.bytes = bytes_.substr(0, static_cast<size_t>(size));
  return tensor;
}

absl::Status GgufParser::ParseTensors(uint64_t count) {
  PRECIS_ASSIGN_OR_RETURN(const uint32_t alignment, file_->GetU32Or("general.alignment", kDefaultAlignment));
  if (!std::has_single_bit(alignment) || alignment < kMinAlignment || alignment > kMaxGgufAlignment) {
    return Wrong("general.alignment is ", alignment, ", it must be a power of two from ", kMinAlignment, " to ",
                 kMaxGgufAlignment);
  }
  std::vector<TensorView> tensors;
  std::vector<uint64_t> offsets;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t offset = 0;
    PRECIS_ASSIGN_OR_RETURN(TensorView tensor, ParseTensor(i, &offset));
    tensors.push_back(std::move(tensor));
    offsets.push_back(offset);
  }
  if (count == 0) return absl::OkStatus();
  const uint64_t begin = (at_ + alignment - 1) / alignment * alignment;
  if (begin > bytes_.size()) {
    return Wrong("its data would begin at ", begin, ", but the file ends after ", bytes_.size(), " bytes");
  }
  const uint64_t room = bytes_.size() - begin;
  for (size_t i = 0; i < tensors.size(); ++i) {
    TensorView& tensor = tensors[i];
    const uint64_t offset = offsets[i];
    if (offset % alignment != 0) {
      return Wrong("tensor ", Quoted(tensor.name), " lies at offset ", offset,
                   ", which is no multiple of the alignment ", alignment);
    }
    if (offset > room || tensor.bytes.size() > room - offset) {
      return Wrong("tensor ", Quoted(tensor.name), " needs ", tensor.bytes.size(), " bytes at offset ", offset,
                   " of the data section, which has ", room, ": the file is damaged or was not copied whole");
    }
    tensor.bytes = bytes_.substr(begin + offset, tensor.bytes.size());
    PRECIS_RETURN_IF_ERROR(file_->tensors_.Add(std::move(tensor)));
  }
  return CheckOverlap();
}

absl::Status GgufParser::CheckOverlap() const {
  const std::vector<TensorView>& tensors = file_->tensors_.all();
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return tensors[a].bytes.data() < tensors[b].bytes.data(); });
  for (size_t i = 1; i < order.size(); ++i) {
    const TensorView& first = tensors[order[i - 1]];
    const TensorView& second = tensors[order[i]];
    if (first.bytes.data() + first.bytes.size() > second.bytes.data()) {
      return Wrong("tensors ", Quoted(first.name), " and ", Quoted(second.name), " overlap");
    }
  }
  return absl::OkStatus();
}

}  // namespace precis::engine
