#include "cpu/q_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "absl/strings/str_cat.h"
#include "cpu/q_format.h"
#include "formats/dequantize.h"
#include "formats/half.h"
#include "precis/base/status_macros.h"

namespace precis::engine::cpu {
namespace {

// One block of 32 inputs of one output, as the packed formats see it.
struct Block {
  uint8_t q[kBlock];    // for 8 bits the two's complement
  uint16_t scale_half;  // as stored, where the format keeps binary16
  uint16_t min_half;
  float scale[2];
  float min;
};

uint16_t Read16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }

void ReadNibbles(const uint8_t* p, uint8_t* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = p[i] & 15;
    q[i + 16] = p[i] >> 4;
  }
}

void ReadFifthBits(const uint8_t* p, uint8_t* q) {
  for (int i = 0; i < 32; ++i) q[i] |= ((p[i / 8] >> (i % 8)) & 1) << 4;
}

// The 6-bit scale and minimum of sub-block j of a Q4_K or Q5_K block.
void ReadScaleMin(const uint8_t* p, int j, int* scale, int* min) {
  if (j < 4) {
    *scale = p[j] & 63;
    *min = p[j + 4] & 63;
  } else {
    *scale = (p[j + 4] & 15) | (p[j - 4] >> 6) << 4;
    *min = (p[j + 4] >> 4) | (p[j] >> 6) << 4;
  }
}

// Block `b` of a stored row.
void ReadBlock(TensorType type, const uint8_t* row, int64_t b, Block* out) {
  switch (type) {
    case TensorType::kQ4_0: {
      const uint8_t* p = row + b * 18;
      out->scale_half = Read16(p);
      return ReadNibbles(p + 2, out->q);
    }
    case TensorType::kQ4_1: {
      const uint8_t* p = row + b * 20;
      out->scale_half = Read16(p);
      out->min_half = Read16(p + 2);
      return ReadNibbles(p + 4, out->q);
    }
    case TensorType::kQ5_0: {
      const uint8_t* p = row + b * 22;
      out->scale_half = Read16(p);
      ReadNibbles(p + 6, out->q);
      return ReadFifthBits(p + 2, out->q);
    }
    case TensorType::kQ5_1: {
      const uint8_t* p = row + b * 24;
      out->scale_half = Read16(p);
      out->min_half = Read16(p + 2);
      ReadNibbles(p + 8, out->q);
      return ReadFifthBits(p + 4, out->q);
    }
    case TensorType::kQ8_0: {
      const uint8_t* p = row + b * 34;
      out->scale_half = Read16(p);
      std::memcpy(out->q, p + 2, 32);
      return;
    }
    case TensorType::kQ4_K:
    case TensorType::kQ5_K: {
      const bool five = type == TensorType::kQ5_K;
      const uint8_t* p = row + b / 8 * (five ? 176 : 144);
      const int j = static_cast<int>(b % 8);
      int scale, min;
      ReadScaleMin(p + 4, j, &scale, &min);
      out->scale[0] = HalfToFloat(Read16(p)) * static_cast<float>(scale);
      out->min = -(HalfToFloat(Read16(p + 2)) * static_cast<float>(min));
      const uint8_t* nibbles = p + (five ? 48 : 16) + j / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        out->q[i] = j % 2 == 0 ? nibbles[i] & 15 : nibbles[i] >> 4;
        if (five) out->q[i] |= ((p[16 + i] >> j) & 1) << 4;
      }
      return;
    }
    case TensorType::kQ6_K: {
      const uint8_t* p = row + b / 8 * 210;
      const int j = static_cast<int>(b % 8);  // of 8 blocks of 32; 4 of them make half of the 256
      const uint8_t* low = p + j / 4 * 64 + j % 2 * 32;
      const uint8_t* high = p + 128 + j / 4 * 32;
      for (int i = 0; i < 32; ++i) {
        const int nibble = j % 4 < 2 ? low[i] & 15 : low[i] >> 4;
        out->q[i] = static_cast<uint8_t>(nibble | ((high[i] >> (2 * (j % 4))) & 3) << 4);
      }
      const float d = HalfToFloat(Read16(p + 208));
      for (int s = 0; s < 2; ++s) out->scale[s] = d * static_cast<float>(static_cast<int8_t>(p[192 + 2 * j + s]));
      return;
    }
    default:
      return;  // floats, see PackBlocks
  }
}

// A block of floats as signed 8 bits. NaN and infinity end in a NaN scale, as with activations.
void QuantizeFloats(const float* x, Block* out) {
  float most = 0;
  bool finite = true;
  for (int i = 0; i < kBlock; ++i) {
    finite &= std::isfinite(x[i]);
    most = std::max(most, std::fabs(x[i]));
  }
  std::memset(out->q, 0, kBlock);
  out->scale[0] = !finite ? std::numeric_limits<float>::quiet_NaN() : most / 127.0f;
  if (!finite || most < 1e-30f) return;
  for (int i = 0; i < kBlock; ++i)
    out->q[i] = static_cast<uint8_t>(static_cast<int8_t>(std::lrintf(x[i] * (127.0f / most))));
}

// Puts the block of one output into its place among the 16 of its panel. The place must be zero.
void WriteBlock(QFormatShape shape, const Block& block, int lane, uint8_t* out) {
  for (int i = 0; i < kBlock; ++i) {
    const int g = i / 4, byte = 4 * lane + i % 4;
    const uint8_t q = block.q[i];
    if (shape.bits == 8) {
      out[64 * g + byte] = q;
      continue;
    }
    out[64 * (g % 4) + byte] |= g < 4 ? q & 15 : static_cast<uint8_t>(q << 4);
    if (shape.bits == 5) out[256 + byte] |= static_cast<uint8_t>((q >> 4) << g);
    if (shape.bits == 6) out[256 + 64 * (g / 4) + byte] |= static_cast<uint8_t>((q >> 4) << (2 * (g % 4)));
  }
  uint8_t* scales = out + QuantBytes(shape);
  uint8_t* minima = scales + ScaleBytes(shape);
  if (shape.scale_bytes == 2) {
    std::memcpy(scales + 2 * lane, &block.scale_half, 2);
    if (shape.minima) std::memcpy(minima + 2 * lane, &block.min_half, 2);
  } else {
    for (int s = 0; s < shape.scales; ++s) std::memcpy(scales + 4 * (s * kPanel + lane), &block.scale[s], 4);
    if (shape.minima) std::memcpy(minima + 4 * lane, &block.min, 4);
  }
}

}  // namespace

int64_t QBlockBytes(QFormat format) {
  return format == QFormat::kF32 ? kPanel * kBlock * 4 : BlockBytes(ShapeOf(format));
}

bool CanPackQuantized(TensorType type) {
  switch (type) {
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16:
    case TensorType::kQ4_0:
    case TensorType::kQ4_1:
    case TensorType::kQ5_0:
    case TensorType::kQ5_1:
    case TensorType::kQ8_0:
    case TensorType::kQ4_K:
    case TensorType::kQ5_K:
    case TensorType::kQ6_K:
      return true;
    default:
      return false;
  }
}

QFormat QFormatOf(TensorType type) {
  switch (type) {
    case TensorType::kQ4_0:
      return QFormat::kU4;
    case TensorType::kQ4_1:
      return QFormat::kU4Min;
    case TensorType::kQ5_0:
      return QFormat::kU5;
    case TensorType::kQ5_1:
      return QFormat::kU5Min;
    case TensorType::kQ8_0:
      return QFormat::kS8;
    case TensorType::kQ4_K:
      return QFormat::kU4K;
    case TensorType::kQ5_K:
      return QFormat::kU5K;
    case TensorType::kQ6_K:
      return QFormat::kS6;
    default:
      return QFormat::kS8Wide;
  }
}

void PackedMatrix::Free::operator()(uint8_t* p) const { std::free(p); }

PackedMatrix PackedMatrix::Allocate(QFormat format, int64_t outputs, int64_t inputs) {
  PackedMatrix m;
  m.format_ = format;
  m.outputs_ = outputs;
  m.inputs_ = inputs;
  m.panel_bytes_ = format == QFormat::kF32 ? inputs * kPanel * 4 : inputs / kBlock * QBlockBytes(format);
  const size_t bytes = static_cast<size_t>((m.size_bytes() + 63) / 64 * 64);
  void* p = std::aligned_alloc(64, bytes);
  if (p == nullptr) throw std::bad_alloc();
  std::memset(p, 0, bytes);
  m.data_.reset(static_cast<uint8_t*>(p));
  return m;
}

absl::Status PackedMatrix::Pack(const TensorView& tensor, int64_t first) {
  if (tensor.columns() != inputs_ || first < 0 || first + tensor.rows() > outputs_) {
    return absl::InternalError(absl::StrCat("tensor '", tensor.name, "' ", ShapeText(tensor.shape),
                                            " does not fit rows from ", first, " of a matrix of ", outputs_, " x ",
                                            inputs_));
  }
  return format_ == QFormat::kF32 ? PackFloats(tensor, first) : PackBlocks(tensor, first);
}

absl::Status PackedMatrix::PackFloats(const TensorView& tensor, int64_t first) {
  std::vector<float> row(static_cast<size_t>(inputs_));
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    PRECIS_RETURN_IF_ERROR(DequantizeRow(tensor.type, tensor.row(r), row));
    const int64_t n = first + r;
    float* out = reinterpret_cast<float*>(data_.get() + n / kPanel * panel_bytes_) + n % kPanel;
    for (int64_t k = 0; k < inputs_; ++k) out[k * kPanel] = row[static_cast<size_t>(k)];
  }
  return absl::OkStatus();
}

absl::Status PackedMatrix::PackBlocks(const TensorView& tensor, int64_t first) {
  if (!CanPackQuantized(tensor.type) || (QFormatOf(tensor.type) != format_ && format_ != QFormat::kS8Wide)) {
    return absl::InternalError(
        absl::StrCat("tensor '", tensor.name, "' of type ", TypeName(tensor.type), " does not pack to this matrix"));
  }
  const QFormatShape shape = ShapeOf(format_);
  std::vector<float> floats(format_ == QFormat::kS8Wide ? static_cast<size_t>(inputs_) : 0);
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    const std::string_view bytes = tensor.row(r);
    if (!floats.empty()) PRECIS_RETURN_IF_ERROR(DequantizeRow(tensor.type, bytes, floats));
    const int64_t n = first + r;
    uint8_t* out = data_.get() + n / kPanel * panel_bytes_;
    for (int64_t b = 0; b < blocks(); ++b) {
      Block block = {};
      if (floats.empty()) {
        ReadBlock(tensor.type, reinterpret_cast<const uint8_t*>(bytes.data()), b, &block);
      } else {
        QuantizeFloats(floats.data() + b * kBlock, &block);
      }
      WriteBlock(shape, block, static_cast<int>(n % kPanel), out + b * BlockBytes(shape));
    }
  }
  return absl::OkStatus();
}

float PackedMatrix::At(int64_t output, int64_t input) const {
  const int lane = static_cast<int>(output % kPanel);
  const uint8_t* p = panel(output / kPanel);
  float value;
  if (format_ == QFormat::kF32) {
    std::memcpy(&value, p + 4 * (input * kPanel + lane), 4);
    return value;
  }
  const QFormatShape shape = ShapeOf(format_);
  p += input / kBlock * BlockBytes(shape);
  const int i = static_cast<int>(input % kBlock), g = i / 4, byte = 4 * lane + i % 4;
  int q;
  if (shape.bits == 8) {
    q = static_cast<int8_t>(p[64 * g + byte]);
  } else {
    q = g < 4 ? p[64 * g + byte] & 15 : p[64 * (g - 4) + byte] >> 4;
    if (shape.bits == 5) q |= ((p[256 + byte] >> g) & 1) << 4;
    if (shape.bits == 6) q |= ((p[256 + 64 * (g / 4) + byte] >> (2 * (g % 4))) & 3) << 4;
  }
  const int index = (shape.scales == 2 ? i / 16 * kPanel : 0) + lane;
  const auto read = [&](const uint8_t* from) {
    float f;
    if (shape.scale_bytes == 2) return HalfToFloat(Read16(from + 2 * index));
    std::memcpy(&f, from + 4 * index, 4);
    return f;
  };
  const uint8_t* scales = p + QuantBytes(shape);
  value = read(scales) * static_cast<float>(q - shape.zero);
  return shape.minima ? value + read(scales + ScaleBytes(shape)) : value;
}

QuantizedRows QuantizedBuffer::Get(int64_t rows, int64_t inputs, int planes) {
  const auto grow = [](auto* v, int64_t n) {
    if (v->size() < static_cast<size_t>(n)) v->resize(static_cast<size_t>(n));
  };
  grow(&q_, rows * planes * inputs);
  grow(&scale_, rows * inputs / kBlock);
  grow(&sum16_, rows * planes * inputs / 16);
  return {rows, inputs, planes, q_.data(), scale_.data(), sum16_.data()};
}

}  // namespace precis::engine::cpu
