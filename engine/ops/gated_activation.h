// The middle of a gated feed-forward (GLU variants, arXiv 2002.05202): y = activation(gate) * up.
#pragma once

#include "absl/status/status.h"
#include "ops/activation.h"
#include "ops/context.h"
#include "tensor/matrix.h"

namespace precis::engine {

// x: [m, 2 n], gate then up   y: [m, n], may be the first half of x. InvalidArgument when shapes do not fit together.
[[nodiscard]] absl::Status GatedActivation(const OpContext& context, MatrixView x, PointwiseFn fn, MutableMatrix y);

void GatedActivationCpu(const OpContext& context, MatrixView x, PointwiseFn fn, MutableMatrix y);

}  // namespace precis::engine
