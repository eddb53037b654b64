// How much memory the test binary's C++ code holds: proves that a parser believes no claimed size.
#pragma once

#include <cstdint>

namespace precis::engine {

// Starts anew from what is held now.
void StartAllocationMeter();

// The most that was held at one time since then, beyond what was held at the start.
int64_t PeakAllocatedBytes();

}  // namespace precis::engine
