#include "ops/dense_int.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/vec16.h"

namespace precis::engine {
namespace {

// The step of an output's integers; NaN when a weight is not finite.
float StepOf(const float* row, int64_t inputs, int32_t limit) {
  float most = 0, none = 0;
  for (int64_t k = 0; k < inputs; ++k) {
    most = std::max(most, std::fabs(row[k]));
    none += 0.0f * row[k];
  }
  return most / static_cast<float>(limit) + none;
}

}  // namespace

IntPanels PackIntPanels(cpu::IntWidth width, std::span<const float* const> rows, int64_t inputs) {
  constexpr int64_t kLanes = cpu::kLanes;
  const bool bytes = width == cpu::IntWidth::k8;
  const int32_t limit = bytes ? cpu::kInt8Limit : cpu::kInt16WeightLimit;
  const int64_t outputs = static_cast<int64_t>(rows.size()), padded = cpu::PadToLanes(outputs);
  const int64_t per_unit = cpu::UnitInputs(width), units = cpu::UnitsFor(width, inputs);
  constexpr int64_t kUnitBytes = 4;
  IntPanels packed;
  packed.width = width;
  packed.panels = AlignedBuffer<uint8_t>::Zeros(padded * units * kUnitBytes);
  packed.sums = AlignedBuffer<int32_t>::Zeros(padded);
  packed.negatives = AlignedBuffer<int32_t>::Zeros(padded);
  packed.scale = AlignedBuffer<float>::Zeros(padded);
  packed.sum = AlignedBuffer<float>::Zeros(padded);
  int64_t largest = 1;  // sum of magnitudes of an output
  for (int64_t n = 0; n < outputs; ++n) {
    const float* row = rows[static_cast<size_t>(n)];
    const float step = StepOf(row, inputs, limit);
    uint8_t* panel = packed.panels.data() + n / kLanes * units * kLanes * kUnitBytes + n % kLanes * kUnitBytes;
    int64_t magnitudes = 0;
    for (int64_t k = 0; k < inputs; ++k) {
      // A step that is 0 or NaN says it all; a tiny one may round its largest weight up.
      const float whole = step > 0 ? std::nearbyint(row[k] / step) : 0.0f;
      const auto p = static_cast<int32_t>(std::clamp(whole, static_cast<float>(-limit), static_cast<float>(limit)));
      packed.sums[n] += p;
      packed.negatives[n] += std::min(p, 0);
      magnitudes += std::abs(p);
      uint8_t* at = panel + k / per_unit * kLanes * kUnitBytes + k % per_unit * (bytes ? 1 : 2);
      const auto narrow = static_cast<int16_t>(p);  // little-endian: its first byte is the 8-bit integer
      std::memcpy(at, &narrow, bytes ? 1 : 2);
    }
    packed.scale[n] = step;
    packed.sum[n] = step * static_cast<float>(packed.sums[n]);
    largest = std::max(largest, magnitudes);
  }
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  packed.input_limit =
      bytes ? cpu::kInt8Limit : static_cast<int32_t>(std::min<int64_t>(cpu::kInt16InputLimit, kMost / largest));
  return packed;
}

}  // namespace precis::engine
