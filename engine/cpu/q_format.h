// The numbers of each packed format (q_matrix.h), for kernels at compile time and for packing at run time.
#pragma once

#include <cstdint>

#include "cpu/q_matrix.h"

namespace precis::engine::cpu {

struct QFormatShape {
  int bits;         // of an integer
  int zero;         // subtracted from it; 0 where minima or signs make it needless
  int scales;       // for each output and block: 1, or 2 of 16 inputs each
  int scale_bytes;  // 2: binary16, 4: float
  bool minima;      // stored like the scales
};

constexpr QFormatShape ShapeOf(QFormat format) {
  switch (format) {
    case QFormat::kU4:
      return {4, 8, 1, 2, false};
    case QFormat::kU4Min:
      return {4, 0, 1, 2, true};
    case QFormat::kU5:
      return {5, 16, 1, 2, false};
    case QFormat::kU5Min:
      return {5, 0, 1, 2, true};
    case QFormat::kS8:
      return {8, 0, 1, 2, false};
    case QFormat::kS8Wide:
      return {8, 0, 1, 4, false};
    case QFormat::kU4K:
      return {4, 0, 1, 4, true};
    case QFormat::kU5K:
      return {5, 0, 1, 4, true};
    case QFormat::kS6:
      return {6, 32, 2, 4, false};
    case QFormat::kF32:
      break;
  }
  return {32, 0, 0, 0, false};
}

constexpr int QuantBytes(QFormatShape shape) { return kPanel * kBlock * shape.bits / 8; }
constexpr int ScaleBytes(QFormatShape shape) { return kPanel * shape.scales * shape.scale_bytes; }
constexpr int BlockBytes(QFormatShape shape) { return QuantBytes(shape) + ScaleBytes(shape) * (shape.minima ? 2 : 1); }

}  // namespace precis::engine::cpu
