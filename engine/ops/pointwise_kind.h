// How the CPU kernels call a pointwise function.
#pragma once

#include "cpu/float_kernels.h"
#include "ops/activation.h"

namespace precis::engine {

inline cpu::ActivationKind ToKernelKind(PointwiseFn fn) {
  switch (fn) {
    case PointwiseFn::kNone:
      break;
    case PointwiseFn::kGelu:
      return cpu::ActivationKind::kGeluErf;
    case PointwiseFn::kGeluTanh:
      return cpu::ActivationKind::kGeluTanh;
    case PointwiseFn::kRelu:
      return cpu::ActivationKind::kRelu;
    case PointwiseFn::kSilu:
      return cpu::ActivationKind::kSilu;
    case PointwiseFn::kTanh:
      return cpu::ActivationKind::kTanh;
  }
  return cpu::ActivationKind::kNone;
}

}  // namespace precis::engine
