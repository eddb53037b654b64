#include "runtime/weights_sha256.h"

#include "precis/base/hash.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::StatusOr<std::string> WeightsSha256(const std::vector<std::string>& paths) {
  if (paths.size() == 1) return Sha256HexOfFile(paths.front());
  Hasher hasher;
  for (const std::string& path : paths) {
    PRECIS_ASSIGN_OR_RETURN(const std::string part, Sha256HexOfFile(path));
    hasher.Field(part);
  }
  return hasher.FinishHex();
}

}  // namespace precis::engine
