// LoadOptions::isa as a level of this CPU.
#pragma once

#include "absl/status/statusor.h"
#include "cpu/isa.h"
#include "precis/engine/load.h"

namespace precis::engine {

// FailedPrecondition when the CPU does not have what is forced.
absl::StatusOr<cpu::IsaLevel> ResolveIsa(Isa isa);

}  // namespace precis::engine
