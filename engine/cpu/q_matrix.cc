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
  float scale;
  uint8_t scale_bytes[2];
  uint8_t min_byte;
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
void ReadScaleMin(const uint8_t* p, int j, uint8_t* scale, uint8_t* min) {
  if (j < 4) {
    *scale = p[j] & 63;
    *min = p[j + 4] & 63;
  } else {
    *scale = static_cast<uint8_t>((p[j + 4] & 15) | (p[j - 4] >> 6) << 4);
    *min = static_cast<uint8_t>((p[j + 4] >> 4) | (p[j] >> 6) << 4);
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
      out->scale_half = Read16(p);
      out->min_half = Read16(p + 2) ^ 0x8000;  // the file subtracts minima
      ReadScaleMin(p + 4, j, &out->scale_bytes[0], &out->min_byte);
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
      out->scale_half = Read16(p + 208);
      for (int s = 0; s < 2; ++s) out->scale_bytes[s] = p[192 + 2 * j + s];
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
  out->scale = !finite ? std::numeric_limits<float>::quiet_NaN() : most / 127.0f;
  if (!finite || most < 1e-30f) return;
  for (int i = 0; i < kBlock; ++i)
    out->q[i] = static_cast<uint8_t>(static_cast<int8_t>(std::lrintf(x[i] * (127.0f / most))));
}

// Puts block b of one output into its place among the 16 of its panel. The place must be zero.
void WriteBlock(QFormatShape shape, const Block& block, int lane, int64_t b, uint8_t* panel) {
  uint8_t* out = panel + BlockOffset(shape, b);
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
  uint8_t* halves = scales;  // where the binary16 of this output are
  uint8_t* half_minima = minima;
  switch (shape.scale) {
    case QScale::kFloat:
      std::memcpy(scales + 4 * lane, &block.scale, 4);
      return;
    case QScale::kBytes:
      for (int s = 0; s < shape.scales; ++s) scales[s * kPanel + lane] = block.scale_bytes[s];
      if (shape.minima) minima[lane] = block.min_byte;
      halves = panel + BlockOffset(shape, b / kSuper * kSuper) - SuperBytes(shape);
      half_minima = halves + 2 * kPanel;
      break;
    case QScale::kHalf:
      break;
  }
  std::memcpy(halves + 2 * lane, &block.scale_half, 2);
  if (shape.minima) std::memcpy(half_minima + 2 * lane, &block.min_half, 2);
}

}  // namespace

int64_t QPanelBytes(QFormat format, int64_t inputs) {
  if (format == QFormat::kF32) return inputs * kPanel * 4;
  const QFormatShape shape = ShapeOf(format);
  return inputs / kBlock * BlockBytes(shape) + inputs / kBlock / kSuper * SuperBytes(shape);
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
  m.panel_bytes_ = QPanelBytes(format, inputs);
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
      WriteBlock(shape, block, static_cast<int>(n % kPanel), b, out);
    }
  }
  return absl::OkStatus();
}

float PackedMatrix::At(int64_t output, int64_t input) const {
  const int lane = static_cast<int>(output % kPanel);
  const uint8_t* p = panel(output / kPanel);
  if (format_ == QFormat::kF32) {
    float value;
    std::memcpy(&value, p + 4 * (input * kPanel + lane), 4);
    return value;
  }
  const QFormatShape shape = ShapeOf(format_);
  const int64_t b = input / kBlock;
  const uint8_t* super = p + BlockOffset(shape, b / kSuper * kSuper) - SuperBytes(shape);
  p += BlockOffset(shape, b);
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
  const auto read = [&](const uint8_t* from, const uint8_t* factors) {
    float f;
    switch (shape.scale) {
      case QScale::kHalf:
        return HalfToFloat(Read16(from + 2 * index));
      case QScale::kBytes:
        f = HalfToFloat(Read16(factors + 2 * lane));
        return f * static_cast<float>(shape.minima ? int{from[index]} : int{static_cast<int8_t>(from[index])});
      case QScale::kFloat:
        break;
    }
    std::memcpy(&f, from + 4 * index, 4);
    return f;
  };
  const uint8_t* scales = p + QuantBytes(shape);
  const float value = read(scales, super) * static_cast<float>(q - shape.zero);
  return shape.minima ? value + read(scales + ScaleBytes(shape), super + 2 * kPanel) : value;
}

QuantizedRows QuantizedBuffer::Get(int64_t rows, int64_t inputs, float wide_above) {
  const auto grow = [](auto* v, int64_t n) {
    if (v->size() < static_cast<size_t>(n)) v->resize(static_cast<size_t>(n));
  };
  const int64_t values = (rows + kRowGroup - 1) / kRowGroup * kRowGroup * (inputs / kBlock);
  grow(&q_, values * 2 * kBlock);
  grow(&wide_, values);
  grow(&scale_, values);
  grow(&sum_, values);
  grow(&less_, 3 * values);
  return {rows, inputs, wide_above, q_.data(), wide_.data(), scale_.data(), sum_.data(), less_.data()};
}

}  // namespace precis::engine::cpu
