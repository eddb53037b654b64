// A dense layer's weights as integers, and the layer over them; ops/dense.h is the operation that others see.
#pragma once

#include <cstdint>
#include <span>

#include "cpu/int8_kernels.h"
#include "ops/activation.h"
#include "ops/context.h"
#include "tensor/aligned_buffer.h"
#include "tensor/matrix.h"

namespace precis::engine {

class DenseWeights;

// w[n, k] = scale[n] * p[n, k]: the largest weight of an output is the largest integer, so no other output's weights
// matter to it. An output with a NaN or infinity among its weights has the scale NaN.
struct IntPanels {
  cpu::IntWidth width = cpu::IntWidth::k8;
  int32_t input_limit = 0;        // what an input may be at most, so that no sum leaves 32 bits
  AlignedBuffer<uint8_t> panels;  // as cpu::IntGemmArgs wants them, with what follows
  AlignedBuffer<int32_t> sums, negatives;
  AlignedBuffer<float> scale, sum;
};

// `rows`: all outputs, each of `inputs` weights, at most cpu::kMaxIntInputs.
IntPanels PackIntPanels(cpu::IntWidth width, std::span<const float* const> rows, int64_t inputs);

void DenseIntCpu(const OpContext& context, MatrixView x, const DenseWeights& weights, PointwiseFn activation,
                 MatrixView residual, MutableMatrix y);

}  // namespace precis::engine
