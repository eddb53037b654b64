#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"

namespace precis::engine {
namespace {

void AppendU16(uint16_t value, std::string* out) {
  char bytes[2];
  std::memcpy(bytes, &value, 2);
  out->append(bytes, 2);
}

// 1 / d, and 0 where that is no number to multiply with: such a scale is 0 as a half anyway.
float Inverse(float d) { return std::isfinite(1 / d) ? 1 / d : 0; }

// A number 0 .. 15 out of a scaled value; the largest rounds to 16. NaN (a range beyond float's) gives 0.
uint8_t Nibble(float value) { return value > 0 ? static_cast<uint8_t>(std::min(value, 15.0f)) : uint8_t{0}; }

void AppendNibbles(const uint8_t (&q)[32], std::string* out) {
  for (int i = 0; i < 16; ++i) out->push_back(static_cast<char>(q[i] | q[i + 16] << 4));
}

// The value of largest magnitude, the first of equals, becomes exactly -8.
void WriteQ4_0(const float* in, std::string* out) {
  float extreme = in[0];
  for (int i = 1; i < 32; ++i) {
    if (std::abs(in[i]) > std::abs(extreme)) extreme = in[i];
  }
  const float d = extreme / -8;
  const float inverse = Inverse(d);
  AppendU16(FloatToHalf(d), out);
  uint8_t q[32];
  for (int i = 0; i < 32; ++i) q[i] = Nibble(in[i] * inverse + 8.5f);
  AppendNibbles(q, out);
}

void WriteQ4_1(const float* in, std::string* out) {
  const auto [least, most] = std::minmax_element(in, in + 32);
  const float minimum = *least;
  const float d = (*most - minimum) / 15;
  const float inverse = Inverse(d);
  AppendU16(FloatToHalf(d), out);
  AppendU16(FloatToHalf(minimum), out);
  uint8_t q[32];
  for (int i = 0; i < 32; ++i) q[i] = Nibble((in[i] - minimum) * inverse + 0.5f);
  AppendNibbles(q, out);
}

void WriteQ8_0(const float* in, std::string* out) {
  float largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, std::abs(in[i]));
  const float d = largest / 127;
  const float inverse = Inverse(d);
  AppendU16(FloatToHalf(d), out);
  for (int i = 0; i < 32; ++i) out->push_back(static_cast<char>(std::round(in[i] * inverse)));
}

}  // namespace

absl::StatusOr<std::string> Quantize(TensorType type, std::span<const float> values) {
  const TensorTypeInfo& info = TypeInfo(type);
  const auto block = static_cast<size_t>(info.block_elements);
  if (values.size() % block != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(values.size(), " values are no whole blocks of ", block, ", which ", info.name, " needs"));
  }
  if (info.block_elements > 1) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) {
        return absl::InvalidArgumentError(
            absl::StrCat("value ", i, " is ", values[i], ": ", info.name, " holds finite values only"));
      }
    }
  }
  std::string out;
  for (size_t i = 0; i < values.size(); i += block) {
    const float* in = values.data() + i;
    switch (type) {
      case TensorType::kF32:
        out.append(reinterpret_cast<const char*>(in), sizeof(float));
        break;
      case TensorType::kF16:
        AppendU16(FloatToHalf(*in), &out);
        break;
      case TensorType::kBF16:
        AppendU16(FloatToBf16(*in), &out);
        break;
      case TensorType::kQ4_0:
        WriteQ4_0(in, &out);
        break;
      case TensorType::kQ4_1:
        WriteQ4_1(in, &out);
        break;
      case TensorType::kQ8_0:
        WriteQ8_0(in, &out);
        break;
      default:
        return absl::UnimplementedError(absl::StrCat("quantising to ", info.name, " is not supported"));
    }
  }
  return out;
}

}  // namespace precis::engine
