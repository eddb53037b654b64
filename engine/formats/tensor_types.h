// How the numbers of a tensor are stored, and a view of one tensor in a mapped model file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace precis::engine {

// Up to kQ1_0 the values are those of GGML and appear in GGUF files; from kU8 on they are ours, for safetensors.
enum class TensorType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kU8 = 1000,
  kU16 = 1001,
  kU32 = 1002,
  kU64 = 1003,
  kBool = 1004,
  kF8_E4M3 = 1005,
  kF8_E5M2 = 1006,
};

// A row is stored as blocks of `block_elements` values in `block_bytes` bytes each.
struct TensorTypeInfo {
  TensorType type;
  const char* name;  // "Q4_K"
  int block_elements;
  int block_bytes;
};

// Null for a number that is no type.
const TensorTypeInfo* FindTensorType(uint32_t type);

// Requires a value of the enumeration.
const TensorTypeInfo& TypeInfo(TensorType type);
inline const char* TypeName(TensorType type) { return TypeInfo(type).name; }

// Bytes of one row of `elements` values. Requires elements % block_elements == 0.
inline int64_t RowBytes(TensorType type, int64_t elements) {
  const TensorTypeInfo& info = TypeInfo(type);
  return elements / info.block_elements * info.block_bytes;
}

// A tensor of a model file. The reader has checked that `bytes` has exactly the size that type and shape ask for, and
// that every dimension is >= 1 (safetensors: >= 0) and rows are whole blocks. The values are the file's: anything,
// NaN included.
//
// `shape` is row-major with the outermost dimension first, as PyTorch prints it: a linear layer's weight is
// [outputs, inputs]. GGUF stores dimensions the other way round (ne[0] is the row's length); the reader reverses them.
struct TensorView {
  std::string name;
  TensorType type = TensorType::kF32;
  std::vector<int64_t> shape;  // empty: a scalar
  std::string_view bytes;      // into the file; valid as long as the file object. GGUF: aligned to 8 bytes or more;
                               // safetensors: perhaps not even to a value's size, so copy, or read by Dequantize

  int64_t elements() const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
  // A tensor seen as a matrix [rows, columns]: columns is the last dimension.
  int64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const { return columns() == 0 ? 0 : elements() / columns(); }
  int64_t row_bytes() const { return RowBytes(type, columns()); }
  // Requires 0 <= index < rows().
  std::string_view row(int64_t index) const {
    return bytes.substr(static_cast<size_t>(index * row_bytes()), static_cast<size_t>(row_bytes()));
  }
};

// "[30522, 384]".
std::string ShapeText(const std::vector<int64_t>& shape);

}  // namespace precis::engine
