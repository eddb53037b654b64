// What every generator checks of a request before it looks at the model.
#pragma once

#include "absl/status/status.h"
#include "precis/engine/generator.h"

namespace precis::engine {

// InvalidArgument with the field, its value and its bounds.
absl::Status CheckGenerateRequest(const GenerateRequest& request);

}  // namespace precis::engine
