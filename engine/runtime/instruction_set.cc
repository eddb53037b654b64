#include "precis/engine/instruction_set.h"

#include "cpu/isa.h"

namespace precis::engine {

std::string InstructionSetName() {
  std::string name(cpu::IsaLevelName(cpu::BestIsaLevel()));
  if (cpu::HostFeatures().avx512_vnni) name += "_vnni";
  return name;
}

}  // namespace precis::engine
