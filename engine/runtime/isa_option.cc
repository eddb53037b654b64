#include "runtime/isa_option.h"

#include "absl/strings/str_cat.h"

namespace precis::engine {

absl::StatusOr<cpu::IsaLevel> ResolveIsa(Isa isa) {
  cpu::IsaLevel level = cpu::BestIsaLevel();
  switch (isa) {
    case Isa::kAuto:
      return level;
    case Isa::kScalar:
      level = cpu::IsaLevel::kScalar;
      break;
    case Isa::kAvx2:
      level = cpu::IsaLevel::kAvx2;
      break;
    case Isa::kAvx512:
      level = cpu::IsaLevel::kAvx512;
      break;
  }
  if (!cpu::IsAvailable(level)) {
    return absl::FailedPreconditionError(
        absl::StrCat("this CPU has no ", std::string(cpu::IsaLevelName(level)), "; its best level is ",
                     std::string(cpu::IsaLevelName(cpu::BestIsaLevel())), ": leave the choice to 'auto'"));
  }
  return level;
}

}  // namespace precis::engine
