// What the numeric mode of an encoder means for its layers.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "ops/dense.h"

namespace precis::engine {

// fp32: all of it in floats.
//
// int8-v1: dense layers in integers of 8 bits, but queries, keys and values in 16: softmax makes much of small errors
// of its scores. MiniLM over Wikipedia texts, 1 - cosine to fp32: 8 bits everywhere 1.0e-3, this 0.55e-3. Attention,
// norms and pooling stay in floats.
struct EncoderNumerics {
  std::string name = "fp32";
  DensePrecision qkv = DensePrecision::kFp32;
  DensePrecision others = DensePrecision::kFp32;
};

// "" is "fp32". InvalidArgument for a name that is neither "fp32" nor "int8-v1".
absl::StatusOr<EncoderNumerics> EncoderNumericsOf(const std::string& mode);

}  // namespace precis::engine
