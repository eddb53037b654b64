// eval::Backend over the gRPC services of a gateway.
#pragma once

#include <memory>

#include "cli/client.h"
#include "eval/backend.h"

namespace precis::cli {

// One call at a time; Ctrl-C cancels the one under way. `globals` outlives it.
std::unique_ptr<eval::Backend> MakeEvalBackend(const Globals& globals);

}  // namespace precis::cli
