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
// So a panel is read front to back, once, whatever the number of activation rows.
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
  kU4K,     // Q4_K: float scale and minimum (the products that the file stores as factors)
  kU5K,     // Q5_K: the same with five bits
  kS6,      // Q6_K: float scales of 16 inputs each, zero 32
};

// Bytes of one block of one panel.
int64_t QBlockBytes(QFormat format);
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

// Activations in blocks of 32, in one plane of 8 bits or in two that make about 16:
//
//   x[r, k] ~ scale[r, k / 32] * q[r, 0, k]                        scale = max |x| / 127
//   x[r, k] ~ scale[r, k / 32] * (254 * q[r, 0, k] + q[r, 1, k])   scale = max |x| / (127 * 254)
//
// with every q in [-127, 127]. A block with a NaN or an infinity gets the scale NaN, so that it shows in every result.
inline constexpr int kPlaneBase = 254;

struct QuantizedRows {
  int64_t rows = 0, inputs = 0;
  int planes = 1;
  int8_t* q = nullptr;       // [rows][planes][inputs]
  float* scale = nullptr;    // [rows][inputs / 32]
  int32_t* sum16 = nullptr;  // [rows][planes][inputs / 16] sums of q

  // The view of one of the rows.
  QuantizedRows Row(int64_t r) const {
    return {
        1, inputs, planes, q + r * planes * inputs, scale + r * (inputs / kBlock), sum16 + r * planes * (inputs / 16)};
  }
};

// Owns the memory of QuantizedRows and grows to the largest size asked for.
class QuantizedBuffer {
 public:
  QuantizedRows Get(int64_t rows, int64_t inputs, int planes);

 private:
  std::vector<int8_t> q_;
  std::vector<float> scale_;
  std::vector<int32_t> sum16_;
};

}  // namespace precis::engine::cpu
