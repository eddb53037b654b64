// Exit codes of `precis`, documented in clients/README.md.
#pragma once

namespace precis::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitPartlyFailed = 3;

}  // namespace precis::cli
