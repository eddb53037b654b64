// Messages of compression.proto <-> the compressor's types.
#pragma once

#include "absl/status/statusor.h"
#include "precis/compress/citations.h"
#include "precis/compress/compressor.h"
#include "precis/v1/compression.pb.h"
#include "precis/v1/pipeline.pb.h"

namespace precis::services {

// All but the budget's tokenizer. Errors: InvalidArgument (an option out of bounds, a text hash that does not match).
absl::StatusOr<compress::Request> FromProto(const v1::CompressRequest& request);

// `passages`: those of the request, for their documents.
void ToProto(const compress::Context& context, const std::vector<compress::Passage>& passages,
             v1::CompressedContext* out);
void ToProto(const compress::Receipt& receipt, const std::string& target_model, v1::Receipt* out);
void ToProto(const compress::MethodInfo& method, v1::Method* out);

// The text and spans of a context that came over the wire; the receipt is not read back.
compress::Context FromProto(const v1::CompressedContext& context);

}  // namespace precis::services
