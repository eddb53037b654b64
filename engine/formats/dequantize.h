// Stored numbers to float and, for a few types, back: the reference that every kernel is compared with. Plain, not
// fast.
//
// Bit-exact with the `gguf` Python package (0.19.0): each value is one product of float scale and integer, and for the
// types with a minimum one sum after it, unfused.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/half.h"
#include "formats/tensor_types.h"

namespace precis::engine {

// F32, F16, BF16, F64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K.
bool CanDequantize(TensorType type);

// Reads out.size() values, which must be whole blocks, from `bytes`. InvalidArgument when the sizes do not fit
// together, Unimplemented (naming the type) when CanDequantize says no.
absl::Status DequantizeRow(TensorType type, std::string_view bytes, std::span<float> out);

// A whole tensor, row-major. Errors as DequantizeRow, with the tensor's name.
absl::StatusOr<std::vector<float>> Dequantize(const TensorView& tensor);

// To F32, F16, BF16, Q4_0, Q4_1 or Q8_0, as the same package quantises. Errors as DequantizeRow.
absl::StatusOr<std::string> Quantize(TensorType type, std::span<const float> values);

}  // namespace precis::engine
