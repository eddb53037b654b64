// The numbers of each packed format (q_matrix.h), for kernels at compile time and for packing at run time.
#pragma once

#include <cstdint>

#include "cpu/q_matrix.h"

namespace precis::engine::cpu {

// What a scale or a minimum is stored as.
enum class QScale : uint8_t {
  kHalf,   // binary16
  kFloat,  //
  kBytes,  // one byte, times a binary16 of its super-block (8 blocks) and output
};

struct QFormatShape {
  int bits;      // of an integer
  int zero;      // subtracted from it, a power of two; 0 where minima or signs make it needless
  int scales;    // for each output and block: 1, or 2 of 16 inputs each
  QScale scale;  // bytes are signed where there are no minima, else unsigned
  bool minima;   // stored like the scales
};

constexpr QFormatShape ShapeOf(QFormat format) {
  switch (format) {
    case QFormat::kU4:
      return {4, 8, 1, QScale::kHalf, false};
    case QFormat::kU4Min:
      return {4, 0, 1, QScale::kHalf, true};
    case QFormat::kU5:
      return {5, 16, 1, QScale::kHalf, false};
    case QFormat::kU5Min:
      return {5, 0, 1, QScale::kHalf, true};
    case QFormat::kS8:
      return {8, 0, 1, QScale::kHalf, false};
    case QFormat::kS8Wide:
      return {8, 0, 1, QScale::kFloat, false};
    case QFormat::kU4K:
      return {4, 0, 1, QScale::kBytes, true};
    case QFormat::kU5K:
      return {5, 0, 1, QScale::kBytes, true};
    case QFormat::kS6:
      return {6, 32, 2, QScale::kBytes, false};
    case QFormat::kF32:
      break;
  }
  return {32, 0, 0, QScale::kFloat, false};
}

inline constexpr int kSuper = 8;  // blocks of a super-block

constexpr int ScaleSize(QScale scale) { return scale == QScale::kHalf ? 2 : scale == QScale::kFloat ? 4 : 1; }
constexpr int QuantBytes(QFormatShape shape) { return kPanel * kBlock * shape.bits / 8; }
constexpr int ScaleBytes(QFormatShape shape) { return kPanel * shape.scales * ScaleSize(shape.scale); }
constexpr int BlockBytes(QFormatShape shape) { return QuantBytes(shape) + ScaleBytes(shape) * (shape.minima ? 2 : 1); }
// What precedes every 8 blocks: the factors of the scales, then those of the minima.
constexpr int SuperBytes(QFormatShape shape) {
  return shape.scale == QScale::kBytes ? kPanel * 2 * (shape.minima ? 2 : 1) : 0;
}
// Where block b of a panel begins.
constexpr int64_t BlockOffset(QFormatShape shape, int64_t b) {
  return b * BlockBytes(shape) + (SuperBytes(shape) == 0 ? 0 : (b / kSuper + 1) * SuperBytes(shape));
}

}  // namespace precis::engine::cpu
