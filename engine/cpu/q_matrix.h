// A weight matrix repacked once for the kernels, and rows of activations quantised for them.
//
// Weights w[n, k] are stored in panels of 16 outputs; a panel is a run of blocks of 32 inputs, each holding for all of
// its 16 outputs the integers q, then the scales s, then the minima m:
//
//   w[n, k] = s[n, block] * (q[n, k] - zero) + m[n, block]        zero: of the format, 0 where there are minima
//
// Integers: 8 groups of 4 consecutive inputs; a group is 64 bytes, byte 4 * output + (input % 4). With 4 bits, group g
// lies in the low and group g + 4 in the high halves of the same 64 bytes; the fifth bits follow as one 64-byte plane
// (bit g of a byte belongs to group g), the fifth and sixth bits as two (bits 2 * (g % 4) of plane g / 4).
// So a panel is read front to back, once, whatever the number of activation rows. In the formats of super-blocks (K)
// the scales and minima are the bytes of the file, and every 8 blocks follow the binary16 that they are multiplied by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/tensor_types.h"

namespace precis::engine::cpu {

inline constexpr int kPanel = 16;  // outputs of a panel
inline constexpr int kBlock = 32;  // inputs of a block

enum class QFormat : uint8_t {
  kF32,     // panels of [inputs][16] floats
  kU4,      // Q4_0: binary16 scale, zero 8
  kU4Min,   // Q4_1: binary16 scale and minimum
  kU5,      // Q5_0: binary16 scale, zero 16
  kU5Min,   // Q5_1: binary16 scale and minimum
  kS8,      // Q8_0: binary16 scale, signed
  kS8Wide,  // F32, F16, BF16 quantised at load: float scale, signed
  kU4K,     // Q4_K: scale and minimum in bytes and factors
  kU5K,     // Q5_K: the same with five bits
  kS6,      // Q6_K: scales of 16 inputs each in bytes and factors, zero 32
};

// Bytes of a panel of so many inputs: a multiple of 32, with super-blocks of 256.
int64_t QPanelBytes(QFormat format, int64_t inputs);
// The format that a stored type is repacked to. Requires CanPackQuantized(type).
QFormat QFormatOf(TensorType type);
// F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K.
bool CanPackQuantized(TensorType type);

// Owns its memory (64-byte aligned, zeroed padding up to whole panels). Immutable once packed.
class PackedMatrix {
 public:
  PackedMatrix() = default;

  QFormat format() const { return format_; }
  int64_t outputs() const { return outputs_; }
  int64_t inputs() const { return inputs_; }
  int64_t panels() const { return (outputs_ + kPanel - 1) / kPanel; }
  int64_t blocks() const { return inputs_ / kBlock; }
  int64_t panel_bytes() const { return panel_bytes_; }
  int64_t size_bytes() const { return panels() * panel_bytes_; }
  const uint8_t* panel(int64_t index) const { return data_.get() + index * panel_bytes_; }

  // Room for `outputs` x `inputs`; inputs % 32 == 0 unless the format is kF32.
  static PackedMatrix Allocate(QFormat format, int64_t outputs, int64_t inputs);

  // Fills the outputs [first, first + tensor.rows()) from the tensor's rows, quantised as stored. Panels that are
  // shared between two tensors (fused projections) may not be filled at the same time. Requires matching sizes and a
  // type that packs to format().
  absl::Status Pack(const TensorView& tensor, int64_t first);

  // The dequantised value; slow, for tests.
  float At(int64_t output, int64_t input) const;

 private:
  struct Free {
    void operator()(uint8_t* p) const;
  };
  absl::Status PackFloats(const TensorView& tensor, int64_t first);
  absl::Status PackBlocks(const TensorView& tensor, int64_t first);

  QFormat format_ = QFormat::kF32;
  int64_t outputs_ = 0, inputs_ = 0, panel_bytes_ = 0;
  std::unique_ptr<uint8_t, Free> data_;
};

// Activations in blocks of 32, each with its scale: 8 bits for most, and a second plane of 8 more bits for the blocks
// with large numbers, which would else make nearly all of the error:
//
//   x[r, k] ~ scale[r, k / 32] * v[r, k],   v = q0                             scale = max |x| / 127
//                                        or v = 255 * q1 + q0, where `wide`    scale = max |x| / (127 * 255 + 127)
//
// with every q in [-127, 127]. A block is wide if its largest number is above `wide_above` times the root mean square
// of its row. A block with a NaN or an infinity gets the scale NaN, so that it shows in every result.
//
// Four rows lie together, block by block, so that a kernel reads the rows of its tile front to back at fixed distances.
// q1 of a block that is not wide is zero: a tile may read it for the sake of its other rows.
inline constexpr int kPlaneBase = 255;
inline constexpr int kRowGroup = 4;

struct QuantizedRows {
  int64_t rows = 0, inputs = 0;
  float wide_above = 0;     // >= 0; 0: all blocks, infinity: none
  int8_t* q = nullptr;      // [rows / 4][inputs / 32][q0, q1][4][32]
  uint8_t* wide = nullptr;  // [rows / 4][inputs / 32][4]: 1 where the block is, else 0
  float* scale = nullptr;   // [rows / 4][inputs / 32][4]
  float* sum = nullptr;     // [rows / 4][inputs / 32][4]: scale * sum of v, what a minimum is multiplied by
  int32_t* less = nullptr;  // [rows / 4][inputs / 32][3][4]: minus the sum of v over the block and its halves

  int64_t blocks() const { return inputs / kBlock; }
};

// Owns the memory of QuantizedRows and grows to the largest size asked for.
class QuantizedBuffer {
 public:
  QuantizedRows Get(int64_t rows, int64_t inputs, float wide_above);

 private:
  std::vector<int8_t> q_;
  std::vector<uint8_t> wide_;
  std::vector<float> scale_, sum_;
  std::vector<int32_t> less_;
};

}  // namespace precis::engine::cpu
