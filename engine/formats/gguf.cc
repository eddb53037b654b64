#include "formats/gguf.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/gguf_parser.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using Wide = __int128;  // holds every value of every integer kind

template <typename T>
T Load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

std::optional<Wide> LoadInteger(GgufKind kind, const char* bytes) {
  switch (kind) {
    case GgufKind::kU8:
      return Load<uint8_t>(bytes);
    case GgufKind::kI8:
      return Load<int8_t>(bytes);
    case GgufKind::kU16:
      return Load<uint16_t>(bytes);
    case GgufKind::kI16:
      return Load<int16_t>(bytes);
    case GgufKind::kU32:
      return Load<uint32_t>(bytes);
    case GgufKind::kI32:
      return Load<int32_t>(bytes);
    case GgufKind::kU64:
      return Load<uint64_t>(bytes);
    case GgufKind::kI64:
      return Load<int64_t>(bytes);
    default:
      return std::nullopt;
  }
}

// True for exactly the kinds that LoadInteger reads.
bool IsInteger(GgufKind kind) {
  const char zeros[8] = {};
  return LoadInteger(kind, zeros).has_value();
}

std::optional<double> LoadFloat(GgufKind kind, const char* bytes) {
  if (kind == GgufKind::kF32) return Load<float>(bytes);
  if (kind == GgufKind::kF64) return Load<double>(bytes);
  return std::nullopt;
}

std::string WideText(Wide value) {
  return value < 0 ? absl::StrCat(static_cast<int64_t>(value)) : absl::StrCat(static_cast<uint64_t>(value));
}

template <typename T>
bool Fits(Wide value) {
  return value >= std::numeric_limits<T>::min() && value <= static_cast<Wide>(std::numeric_limits<T>::max());
}

// A float with a bound of its own: a double past it would be undefined to convert.
bool FitsFloat(double value) { return !std::isfinite(value) || std::abs(value) <= std::numeric_limits<float>::max(); }

std::string Where(const GgufFile& file, std::string_view key) {
  return absl::StrCat("'", file.path(), "': metadata key ", Quoted(key));
}

absl::Status WrongKind(const GgufFile& file, std::string_view key, GgufKind kind, bool array, const char* wanted) {
  return absl::InvalidArgumentError(absl::StrCat(Where(file, key), " is ", array ? "an array of " : "a ",
                                                 GgufKindName(kind), ", wanted is ", wanted));
}

template <typename T>
absl::StatusOr<T> OneInteger(const GgufFile& file, std::string_view key, GgufKind kind, const char* bytes,
                             const char* wanted) {
  const std::optional<Wide> value = LoadInteger(kind, bytes);
  if (!value.has_value()) return WrongKind(file, key, kind, /*array=*/false, wanted);
  if (!Fits<T>(*value)) {
    return absl::InvalidArgumentError(
        absl::StrCat(Where(file, key), " is ", WideText(*value), ", which does not fit into ", wanted));
  }
  return static_cast<T>(*value);
}

absl::StatusOr<bool> OneBool(const GgufFile& file, std::string_view key, const char* bytes) {
  const auto stored = Load<uint8_t>(bytes);
  if (stored > 1) {
    return absl::InvalidArgumentError(absl::StrCat(Where(file, key), " is a bool stored as ", stored, ", not 0 or 1"));
  }
  return stored != 0;
}

// Absent: the fallback. Present but wrong: the error.
template <typename T, typename Fallback>
absl::StatusOr<T> Or(const GgufFile& file, std::string_view key,
                     absl::StatusOr<T> (GgufFile::*get)(std::string_view) const, const Fallback& fallback) {
  if (!file.Has(key)) return T(fallback);
  return (file.*get)(key);
}

}  // namespace

const char* GgufKindName(GgufKind kind) {
  static constexpr const char* kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                           "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<uint32_t>(kind)];
}

absl::StatusOr<std::shared_ptr<const GgufFile>> GgufFile::Open(const std::string& path) {
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> map, MappedFile::Open(path));
  std::shared_ptr<GgufFile> file(new GgufFile(path));
  file->bytes_ = map->bytes();
  file->map_ = std::move(map);
  PRECIS_RETURN_IF_ERROR(GgufParser(file.get()).Parse());
  return file;
}

absl::StatusOr<std::shared_ptr<const GgufFile>> GgufFile::FromBytes(std::string bytes, std::string origin) {
  std::shared_ptr<GgufFile> file(new GgufFile(std::move(origin)));
  file->owned_ = std::move(bytes);
  file->bytes_ = file->owned_;
  PRECIS_RETURN_IF_ERROR(GgufParser(file.get()).Parse());
  return file;
}

std::vector<std::string_view> GgufFile::Keys() const {
  std::vector<std::string_view> keys;
  keys.reserve(metadata_.size());
  for (const auto& [key, value] : metadata_) keys.push_back(key);
  return keys;
}

absl::StatusOr<const GgufFile::Value*> GgufFile::Find(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    return absl::NotFoundError(absl::StrCat("'", path(), "' has no metadata key ", Quoted(key),
                                            ": it is incomplete or of another architecture"));
  }
  return &found->second;
}

absl::StatusOr<GgufKind> GgufFile::Kind(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Find(key));
  return value->array ? GgufKind::kArray : value->kind;
}

absl::StatusOr<const GgufFile::Value*> GgufFile::Scalar(std::string_view key, const char* wanted) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Find(key));
  if (value->array) return WrongKind(*this, key, value->kind, /*array=*/true, wanted);
  return value;
}

absl::StatusOr<const GgufFile::Value*> GgufFile::Array(std::string_view key, const char* wanted) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Find(key));
  if (!value->array) return WrongKind(*this, key, value->kind, /*array=*/false, wanted);
  return value;
}

absl::StatusOr<std::string> GgufFile::GetString(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Scalar(key, "a string"));
  if (value->kind != GgufKind::kString) return WrongKind(*this, key, value->kind, /*array=*/false, "a string");
  return std::string(value->bytes);
}

absl::StatusOr<bool> GgufFile::GetBool(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Scalar(key, "a bool"));
  if (value->kind != GgufKind::kBool) return WrongKind(*this, key, value->kind, /*array=*/false, "a bool");
  return OneBool(*this, key, value->bytes.data());
}

template <typename T>
absl::StatusOr<T> GgufFile::Integer(std::string_view key, const char* wanted) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Scalar(key, wanted));
  return OneInteger<T>(*this, key, value->kind, value->bytes.data(), wanted);
}

absl::StatusOr<int64_t> GgufFile::GetI64(std::string_view key) const { return Integer<int64_t>(key, "an i64"); }
absl::StatusOr<int32_t> GgufFile::GetI32(std::string_view key) const { return Integer<int32_t>(key, "an i32"); }
absl::StatusOr<uint32_t> GgufFile::GetU32(std::string_view key) const { return Integer<uint32_t>(key, "a u32"); }
absl::StatusOr<uint64_t> GgufFile::GetU64(std::string_view key) const { return Integer<uint64_t>(key, "a u64"); }

absl::StatusOr<float> GgufFile::GetF32(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Scalar(key, "a float"));
  const std::optional<double> number = LoadFloat(value->kind, value->bytes.data());
  if (!number.has_value()) return WrongKind(*this, key, value->kind, /*array=*/false, "a float");
  if (!std::isfinite(*number) || !FitsFloat(*number)) {
    return absl::InvalidArgumentError(absl::StrCat(Where(*this, key), " is ", *number, ", not a finite f32"));
  }
  return static_cast<float>(*number);
}

absl::StatusOr<std::string> GgufFile::GetStringOr(std::string_view key, std::string_view fallback) const {
  return Or(*this, key, &GgufFile::GetString, fallback);
}
absl::StatusOr<bool> GgufFile::GetBoolOr(std::string_view key, bool fallback) const {
  return Or(*this, key, &GgufFile::GetBool, fallback);
}
absl::StatusOr<int64_t> GgufFile::GetI64Or(std::string_view key, int64_t fallback) const {
  return Or(*this, key, &GgufFile::GetI64, fallback);
}
absl::StatusOr<uint32_t> GgufFile::GetU32Or(std::string_view key, uint32_t fallback) const {
  return Or(*this, key, &GgufFile::GetU32, fallback);
}
absl::StatusOr<float> GgufFile::GetF32Or(std::string_view key, float fallback) const {
  return Or(*this, key, &GgufFile::GetF32, fallback);
}

absl::StatusOr<int64_t> GgufFile::ArraySize(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Array(key, "an array"));
  return static_cast<int64_t>(value->count);
}

absl::StatusOr<std::vector<std::string_view>> GgufFile::GetStrings(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Array(key, "an array of strings"));
  if (value->kind != GgufKind::kString) {
    return WrongKind(*this, key, value->kind, /*array=*/true, "an array of strings");
  }
  std::vector<std::string_view> strings;
  strings.reserve(value->count);  // at most an eighth of the file's bytes: the parser has walked them
  for (std::string_view rest = value->bytes; !rest.empty();) {
    const auto length = Load<uint64_t>(rest.data());
    rest.remove_prefix(sizeof length);
    strings.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return strings;
}

absl::StatusOr<std::vector<int32_t>> GgufFile::GetI32s(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Array(key, "an array of integers"));
  const size_t size = GgufKindBytes(value->kind);
  std::vector<int32_t> numbers;
  if (!IsInteger(value->kind)) {
    return WrongKind(*this, key, value->kind, /*array=*/true, "an array of integers");
  }
  numbers.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    PRECIS_ASSIGN_OR_RETURN(const int32_t number,
                            OneInteger<int32_t>(*this, key, value->kind, value->bytes.data() + i * size, "an i32"));
    numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<std::vector<float>> GgufFile::GetF32s(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Array(key, "an array of floats"));
  if (value->kind != GgufKind::kF32 && value->kind != GgufKind::kF64) {
    return WrongKind(*this, key, value->kind, /*array=*/true, "an array of floats");
  }
  const size_t size = GgufKindBytes(value->kind);
  std::vector<float> numbers(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const double number = *LoadFloat(value->kind, value->bytes.data() + i * size);
    if (!FitsFloat(number)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Where(*this, key), ", element ", i, ", is ", number, ", which does not fit into an f32"));
    }
    numbers[i] = static_cast<float>(number);
  }
  return numbers;
}

absl::StatusOr<std::vector<bool>> GgufFile::GetBools(std::string_view key) const {
  PRECIS_ASSIGN_OR_RETURN(const Value* value, Array(key, "an array of bools"));
  if (value->kind != GgufKind::kBool) return WrongKind(*this, key, value->kind, /*array=*/true, "an array of bools");
  std::vector<bool> flags(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    PRECIS_ASSIGN_OR_RETURN(flags[i], OneBool(*this, key, value->bytes.data() + i));
  }
  return flags;
}

void GgufFile::Release(const TensorView& tensor) const {
  if (map_ == nullptr) return;
  const auto begin = static_cast<size_t>(tensor.bytes.data() - bytes_.data());
  map_->Release(begin, begin + tensor.bytes.size());
}

}  // namespace precis::engine
