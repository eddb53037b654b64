#include "formats/dequantize.h"

#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

template <typename T>
T Load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

float LoadHalf(const uint8_t* bytes) { return HalfToFloat(Load<uint16_t>(bytes)); }

// Each reader below turns one block at `in` into block_elements floats at `out`.
using BlockReader = void (*)(const uint8_t* in, float* out);

void ReadF32(const uint8_t* in, float* out) { *out = Load<float>(in); }
void ReadF64(const uint8_t* in, float* out) {
  // Converting a double beyond float's range is undefined in C++: say what IEEE says.
  const auto value = Load<double>(in);
  const double limit = 0x1.ffffffp127;  // halfway between the largest float and 2^128
  *out = value >= limit ? HUGE_VALF : value <= -limit ? -HUGE_VALF : static_cast<float>(value);
}
void ReadF16(const uint8_t* in, float* out) { *out = LoadHalf(in); }
void ReadBf16(const uint8_t* in, float* out) { *out = Bf16ToFloat(Load<uint16_t>(in)); }

// Blocks of 32. Value i and value i + 16 share byte i: low and high four bits.
void ReadQ4_0(const uint8_t* in, float* out) {
  const float d = LoadHalf(in);
  const uint8_t* q = in + 2;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((q[i] & 15) - 8);
    out[i + 16] = d * static_cast<float>((q[i] >> 4) - 8);
  }
}

void ReadQ4_1(const uint8_t* in, float* out) {
  const float d = LoadHalf(in), m = LoadHalf(in + 2);
  const uint8_t* q = in + 4;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(q[i] & 15) + m;
    out[i + 16] = d * static_cast<float>(q[i] >> 4) + m;
  }
}

// The fifth bit of value i is bit i of `high`.
int FifthBit(uint32_t high, int i) { return static_cast<int>((high >> i) & 1u) << 4; }

void ReadQ5_0(const uint8_t* in, float* out) {
  const float d = LoadHalf(in);
  const auto high = Load<uint32_t>(in + 2);
  const uint8_t* q = in + 6;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(((q[i] & 15) | FifthBit(high, i)) - 16);
    out[i + 16] = d * static_cast<float>(((q[i] >> 4) | FifthBit(high, i + 16)) - 16);
  }
}

void ReadQ5_1(const uint8_t* in, float* out) {
  const float d = LoadHalf(in), m = LoadHalf(in + 2);
  const auto high = Load<uint32_t>(in + 4);
  const uint8_t* q = in + 8;
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((q[i] & 15) | FifthBit(high, i)) + m;
    out[i + 16] = d * static_cast<float>((q[i] >> 4) | FifthBit(high, i + 16)) + m;
  }
}

void ReadQ8_0(const uint8_t* in, float* out) {
  const float d = LoadHalf(in);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(static_cast<int8_t>(in[2 + i]));
}

// Blocks of 256 in eight groups of 32, each with a 6-bit scale and a 6-bit minimum, packed into 12 bytes: groups 0-3
// lie in the low six bits of bytes 0-3 (scales) and 4-7 (minima); groups 4-7 have their low four bits in bytes 8-11
// and their high two in the top bits of the first eight.
struct ScaleAndMinimum {
  int scale, minimum;
};
ScaleAndMinimum UnpackGroup(const uint8_t* packed, int group) {
  if (group < 4) return {packed[group] & 63, packed[group + 4] & 63};
  const int g = group - 4;
  return {(packed[g + 8] & 15) | ((packed[g] >> 2) & 0x30), (packed[g + 8] >> 4) | ((packed[g + 4] >> 2) & 0x30)};
}

void ReadQ4_K(const uint8_t* in, float* out) {
  const float d = LoadHalf(in), dmin = LoadHalf(in + 2);
  const uint8_t* packed = in + 4;
  const uint8_t* q = in + 16;
  for (int group = 0; group < 8; ++group) {
    const ScaleAndMinimum group_values = UnpackGroup(packed, group);
    const float scale = d * static_cast<float>(group_values.scale);
    const float minimum = dmin * static_cast<float>(group_values.minimum);
    // Groups 2j and 2j + 1 share 32 bytes.
    const uint8_t* bytes = q + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      out[group * 32 + i] = scale * static_cast<float>((bytes[i] >> shift) & 15) - minimum;
    }
  }
}

void ReadQ5_K(const uint8_t* in, float* out) {
  const float d = LoadHalf(in), dmin = LoadHalf(in + 2);
  const uint8_t* packed = in + 4;
  const uint8_t* high = in + 16;  // bit g of byte i: the fifth bit of value i of group g
  const uint8_t* q = in + 48;
  for (int group = 0; group < 8; ++group) {
    const ScaleAndMinimum group_values = UnpackGroup(packed, group);
    const float scale = d * static_cast<float>(group_values.scale);
    const float minimum = dmin * static_cast<float>(group_values.minimum);
    const uint8_t* bytes = q + group / 2 * 32;
    const int shift = group % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const int value = ((bytes[i] >> shift) & 15) | ((high[i] >> group) & 1) << 4;
      out[group * 32 + i] = scale * static_cast<float>(value) - minimum;
    }
  }
}

// 128 bytes with the low four bits, 64 with the high two, 16 signed scales (one for 16 values), one half scale. Values
// come in two halves of 128, each as four runs of 32.
void ReadQ6_K(const uint8_t* in, float* out) {
  const uint8_t* low = in;
  const uint8_t* high = in + 128;
  const auto* scales = reinterpret_cast<const int8_t*>(in + 192);
  const float d = LoadHalf(in + 208);
  for (int half = 0; half < 2; ++half) {
    for (int run = 0; run < 4; ++run) {
      const uint8_t* bytes = low + half * 64 + run % 2 * 32;
      const int shift = run / 2 * 4;
      for (int i = 0; i < 32; ++i) {
        const int value = ((bytes[i] >> shift) & 15) | ((high[half * 32 + i] >> (2 * run)) & 3) << 4;
        const int at = half * 128 + run * 32 + i;
        out[at] = d * static_cast<float>(scales[at / 16]) * static_cast<float>(value - 32);
      }
    }
  }
}

BlockReader ReaderOf(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return ReadF32;
    case TensorType::kF64:
      return ReadF64;
    case TensorType::kF16:
      return ReadF16;
    case TensorType::kBF16:
      return ReadBf16;
    case TensorType::kQ4_0:
      return ReadQ4_0;
    case TensorType::kQ4_1:
      return ReadQ4_1;
    case TensorType::kQ5_0:
      return ReadQ5_0;
    case TensorType::kQ5_1:
      return ReadQ5_1;
    case TensorType::kQ8_0:
      return ReadQ8_0;
    case TensorType::kQ4_K:
      return ReadQ4_K;
    case TensorType::kQ5_K:
      return ReadQ5_K;
    case TensorType::kQ6_K:
      return ReadQ6_K;
    default:
      return nullptr;
  }
}

}  // namespace

bool CanDequantize(TensorType type) { return ReaderOf(type) != nullptr; }

absl::Status DequantizeRow(TensorType type, std::string_view bytes, std::span<float> out) {
  const BlockReader read = ReaderOf(type);
  const TensorTypeInfo& info = TypeInfo(type);
  if (read == nullptr) return absl::UnimplementedError(absl::StrCat("tensor type ", info.name, " is not supported"));
  const size_t elements = static_cast<size_t>(info.block_elements);
  const size_t blocks = out.size() / elements;
  if (out.size() % elements != 0 || bytes.size() != blocks * static_cast<size_t>(info.block_bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(bytes.size(), " bytes of ", info.name, " are not ", out.size(),
                                                   " values: a block of ", info.block_elements, " takes ",
                                                   info.block_bytes, " bytes"));
  }
  const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
  for (size_t block = 0; block < blocks; ++block) {
    read(in + block * static_cast<size_t>(info.block_bytes), out.data() + block * elements);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> Dequantize(const TensorView& tensor) {
  std::vector<float> values(CanDequantize(tensor.type) ? static_cast<size_t>(tensor.elements()) : 0);
  absl::Status status = DequantizeRow(tensor.type, tensor.bytes, values);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat("tensor ", Quoted(tensor.name), ": ", status.message()));
  }
  return values;
}

}  // namespace precis::engine
