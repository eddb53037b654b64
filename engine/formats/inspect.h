// What the headers of a model's files say, in words: the parts of InspectModel (precis/engine/load.h) that need nothing
// but formats. Decoders and the choice between the two are in runtime/inspect_model.cc.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "formats/model_files.h"
#include "formats/tensor_table.h"
#include "precis/engine/load.h"

namespace precis::engine {

// "layers: 30", a line.
void DescribeNumber(const char* label, int64_t value, ModelFileInfo* info);

// Counts parameters and adds "tensors: 271 (F32 61, Q4_1 210)". The first type that cannot be read as weights becomes
// the reason, if there is none yet.
void DescribeTensors(const TensorTable& tensors, ModelFileInfo* info);

// An encoder, or what nobody here knows: then the kind is "unknown" and the reason says so. Errors: those of the
// readers for files that are damaged.
absl::StatusOr<ModelFileInfo> InspectEncoder(const ModelFiles& files);

}  // namespace precis::engine
