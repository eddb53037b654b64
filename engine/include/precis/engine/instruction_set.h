// What of this CPU the kernels use, for people: not part of any result.
#pragma once

#include <string>

namespace precis::engine {

// The level that LoadOptions::isa = kAuto gets, and "_vnni" where the integer kernels use that too: "scalar", "avx2",
// "avx512", "avx512_vnni". Thread-safe.
std::string InstructionSetName();

}  // namespace precis::engine
