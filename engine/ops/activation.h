// The pointwise functions between linear layers.
#pragma once

namespace precis::engine {

// kGelu is the exact one, x * Phi(x); kGeluTanh its tanh approximation.
enum class PointwiseFn { kNone, kGelu, kGeluTanh, kRelu, kSilu, kTanh };

}  // namespace precis::engine
